// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

extension BrokerCore {
    /// A CONNECT, the first packet of its connection (MQTT 5.0, 3.1.4).
    mutating func connectCame(_ connect: Connect, from id: ConnectionID, version: ProtocolVersion, now: NIODeadline) {
        if let (reason, words) = self.fault(of: connect, version: version) {
            return self.refuse(id, reason, clientID: connect.clientID, words: words, now: now)
        }
        var connect = connect
        let isAssigned = connect.clientID.isEmpty
        if isAssigned { connect.clientID = self.newClientID() }
        let connecting = Connecting(connect: connect, version: version, isAssigned: isAssigned)
        self.connections[id]?.phase = .connecting(connecting, awaitsAuth: false)
        self.alarms.remove(.connect(id))
        if connect.properties.authenticationMethod != nil {
            self.beginExchange(connecting, of: id)
        } else if self.questions.contains(.authenticate) {
            self.ask(.authenticate(id, connect), for: .authenticate(connecting), of: id)
        } else {
            self.admit(connecting, of: id, now: now)
        }
    }

    private func fault(of connect: Connect, version: ProtocolVersion) -> (ReasonCode, String)? {
        if let words = self.clientIDFault(of: connect, version: version) { return (.clientIdentifierNotValid, words) }
        let properties = connect.properties
        guard properties.receiveMaximum != 0, properties.maximumPacketSize != 0 else {
            return (.protocolError, "A limit in CONNECT is 0")
        }
        guard properties.authenticationMethod != nil || properties.authenticationData == nil else {
            return (.protocolError, "CONNECT has authentication data without a method")
        }
        if properties.authenticationMethod != nil, !self.questions.contains(.exchange) {
            return (.badAuthenticationMethod, "There is no enhanced authentication here")
        }
        guard let will = connect.will else { return nil }
        guard will.qos <= self.limits.maximumQoS else { return (.qosNotSupported, "The QoS of the will is too high") }
        guard !will.retain || self.limits.retainAvailable else {
            return (.retainNotSupported, "There are no retained messages here")
        }
        guard (try? TopicName.check(will.topic)) != nil, !will.topic.isSystemTopic else {
            return (.topicNameInvalid, "The topic of the will cannot be published to")
        }
        return nil
    }

    private func clientIDFault(of connect: Connect, version: ProtocolVersion) -> String? {
        let id = connect.clientID
        // MQTT 3.1, 3.1: between 1 and 23 characters.
        if version == .v31 {
            return (1...23).contains(id.unicodeScalars.count)
                ? nil : "Before 3.1.1 an identifier has 1 to 23 characters"
        }
        guard id.isEmpty else { return nil }
        guard self.limits.assignsClientIdentifiers else { return "The identifier is empty" }
        // MQTT 3.1.1, MQTT-3.1.3-8.
        return version.hasProperties || connect.cleanStart ? nil : "The identifier is empty and the session not clean"
    }

    /// 20 letters and digits that no session has (MQTT-3.2.2-16).
    private mutating func newClientID() -> String {
        while true {
            let digits = String(self.nextRandom(), radix: 16)
            let id = "auto" + String(repeating: "0", count: 16 - digits.utf8.count) + digits
            if self.slots[UTF8Key(id)] == nil { return id }
        }
    }

    /// What CONNACK can say, of what the user's code said.
    private func connectReason(_ reason: ReasonCode) -> ReasonCode {
        let isLegal = (try? PacketEncoder(version: .v5).encodedSize(of: .connAck(ConnAck(reason: reason)))) != nil
        return isLegal ? reason : .notAuthorized
    }

    mutating func authenticated(_ connecting: Connecting, _ answer: BrokerAnswer, of id: ConnectionID, now: NIODeadline)
    {
        let reason = answer.reason
        guard reason == .success else {
            let clientID = connecting.connect.clientID
            return self.refuse(
                id,
                self.connectReason(reason),
                clientID: clientID,
                words: "The client was not let in",
                now: now
            )
        }
        self.admit(connecting, of: id, now: now)
    }

    /// The client is who it says it is; the user's code may have to say whether its will may be published.
    mutating func admit(_ connecting: Connecting, of id: ConnectionID, now: NIODeadline) {
        guard let will = connecting.connect.will, self.questions.contains(.authorize) else {
            return self.accept(connecting, of: id, now: now)
        }
        let access = BrokerAccess.publish(
            clientID: connecting.connect.clientID,
            username: connecting.connect.username,
            topic: will.topic,
            qos: will.qos,
            retain: will.retain
        )
        self.ask(.authorize(id, access), for: .will(connecting), of: id)
    }

    mutating func willAuthorized(_ connecting: Connecting, _ reason: ReasonCode, of id: ConnectionID, now: NIODeadline)
    {
        guard reason.isError else { return self.accept(connecting, of: id, now: now) }
        let clientID = connecting.connect.clientID
        self.refuse(id, .notAuthorized, clientID: clientID, words: "The client may not have this will", now: now)
    }

    /// Refuses a client: with CONNACK where a code fits, then the connection closes (MQTT-3.2.2-7; 3.1.1, MQTT-3.2.2-6).
    mutating func refuse(
        _ id: ConnectionID,
        _ reason: ReasonCode,
        clientID: String,
        words: String,
        now: NIODeadline
    ) {
        // Before the version is known there is one thing to say; the rest is closed without a word.
        let version = self.connections[id]?.version
        if version.map({ reason.hasReturnCode(in: $0) }) ?? (reason == .unsupportedProtocolVersion) {
            var properties = Properties()
            if version?.hasProperties ?? false { properties.reasonString = words }
            self.send(.connAck(ConnAck(reason: reason, properties: properties)), to: id)
        }
        self.note(.refused(clientID: clientID, reason: reason))
        if self.connections[id]?.isGone == false { self.append(.close(id)) }
        self.forget(id)
    }
}

extension ReasonCode {
    /// Whether a CONNACK can say it: before 5.0 there are five codes (MQTT 3.1.1, table 3.1).
    fileprivate func hasReturnCode(in version: ProtocolVersion) -> Bool {
        guard !version.hasProperties else { return true }
        switch self {
        case .unsupportedProtocolVersion, .clientIdentifierNotValid, .badUserNameOrPassword, .notAuthorized, .banned,
            .badAuthenticationMethod, .serverUnavailable, .serverBusy, .quotaExceeded, .connectionRateExceeded:
            return true
        default: return false
        }
    }
}
