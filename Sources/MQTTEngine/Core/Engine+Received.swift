// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// What became of a received PUBLISH.
package enum Arrival: Equatable, Sendable {
    /// Deliver it; acknowledge with the token if there is one.
    case deliver(Route, DeliveryToken?)
    /// Keep it until a subscription claims it or ``Effect/dropUnclaimed`` comes.
    case keep(DeliveryToken)
    /// There is nothing to deliver.
    case nothing
}

extension Engine {
    /// A packet other than PUBLISH came.
    ///
    /// PUBLISH goes to ``receivedPublish(_:of:now:into:)``, which makes nothing of it.
    package mutating func received(_ packet: Packet, now: Instant, into effects: inout [Effect]) {
        switch self.phase {
        case .handshaking(let handshake):
            self.receivedFirst(packet, handshake: handshake, now: now, into: &effects)
        case .connected:
            self.receivedWhileConnected(packet, now: now, into: &effects)
        case .idle, .dialing, .waiting:
            // The rest of a burst behind the packet that ended the connection.
            break
        }
    }

    private mutating func receivedFirst(
        _ packet: Packet,
        handshake: Handshake,
        now: Instant,
        into effects: inout [Effect]
    ) {
        if case .auth(let auth) = packet, self.authentication != nil {
            self.receivedAuth(auth, now: now, into: &effects)
            return
        }
        let outcome = handshake.received(packet, configuration: self.configuration, clientID: self.clientID)
        switch outcome {
        case .accepted(let answer, let connected):
            if connected.sessionPresent, !self.knowsSession {
                let isAdopted = !self.configuration.version.hasProperties
                guard isAdopted || self.configuration.unexpectedSession == .adopt else {
                    self.receivedUnexpectedSession(now: now, into: &effects)
                    return
                }
                effects.append(.report(.adoptedSession(clientID: connected.clientID)))
            }
            guard self.authentication == nil else {
                self.receivedConnAck(answer, connected, now: now, into: &effects)
                return
            }
            // Only MQTT 3.1 cannot say whether the session we asked for is there.
            let mayGoOn = self.configuration.version == .v31 && !handshake.cleanStart
            self.accepted(connected, mayGoOn: mayGoOn, now: now, into: &effects)
        case .failed(let failure):
            if failure.kind == .protocolViolation { self.sayWhy(.protocolError, into: &effects) }
            self.endLink(failure, now: now, into: &effects)
        }
    }

    private mutating func receivedWhileConnected(_ packet: Packet, now: Instant, into effects: inout [Effect]) {
        if self.configuration.refusesProblemInformation, packet.hasProblemInformation {
            let words = "problem information that we asked it not to send"
            self.protocolError(.protocolError, words, now: now, into: &effects)
            return
        }
        switch packet {
        case .pubAck(let answer):
            let verdict = self.session.outbound.pubAck(answer, gate: &self.session.gate, into: &effects)
            self.judge(verdict, now: now, into: &effects)
        case .pubRec(let answer):
            let verdict = self.session.outbound.pubRec(answer, gate: &self.session.gate, into: &effects)
            self.judge(verdict, now: now, into: &effects)
        case .pubComp(let answer):
            let verdict = self.session.outbound.pubComp(answer, gate: &self.session.gate, into: &effects)
            self.judge(verdict, now: now, into: &effects)
        case .pubRel(let packet):
            self.session.inbound.released(
                packet.packetID,
                answersUnknownWithReason: self.configuration.version.hasProperties,
                gate: &self.session.gate,
                into: &effects
            )
        case .subAck(let answer):
            self.receivedSubAck(answer, now: now, into: &effects)
        case .unsubAck(let answer):
            // The ledger first: the identifier of a bad answer may be that of a message.
            guard self.session.ledger.unsubAck(answer, into: &effects) else {
                self.protocolError(.protocolError, "an UNSUBACK nobody asked for", now: now, into: &effects)
                return
            }
            self.freed(answer.packetID, into: &effects)
        case .pingResponse:
            if let pong = self.connection?.keepAlive.pongReceived(now: now) {
                effects.append(.complete(pong.operation, .pong(pong.roundTrip)))
            }
        case .disconnect(let packet):
            self.receivedDisconnect(packet, now: now, into: &effects)
        case .auth(let packet):
            self.receivedAuth(packet, now: now, into: &effects)
        case .publish, .connAck, .connect, .subscribe, .unsubscribe, .pingRequest:
            self.protocolError(.protocolError, "a packet that is not allowed now", now: now, into: &effects)
        }
    }

    /// A PUBLISH came: decides where it goes.
    ///
    /// The message itself stays with the caller, whose decoder has seen to topic aliases.
    package mutating func receivedPublish(
        _ publish: PacketBurst.Entry,
        of burst: borrowing PacketBurst,
        now: Instant,
        into effects: inout [Effect]
    ) -> Arrival {
        guard case .connected = self.phase else {
            if case .handshaking = self.phase {
                let words = "its first packet is no CONNACK"
                self.protocolError(.protocolError, words, now: now, into: &effects)
            }
            return .nothing
        }
        let (route, isUnmatched) = self.route(publish, of: burst)
        guard let id = publish.packetID else {
            if isUnmatched { effects.append(.report(.unmatched(topic: burst.topics[publish.topic]))) }
            return route.isNobody ? .nothing : .deliver(route, nil)
        }
        let bytes = Int(publish.payloadLength) + Int(publish.propertiesLength) + 128
        let isKept = isUnmatched && self.session.unclaimed.takes(bytes: bytes, now: now)
        let arrival = self.session.inbound.received(
            id: id,
            qos: publish.qos,
            acknowledgers: isKept ? 1 : route.acknowledgers,
            gate: &self.session.gate,
            into: &effects
        )
        switch arrival {
        case .new(let token) where isKept:
            self.session.unclaimed.append(token, topic: burst.topics[publish.topic], bytes: bytes)
            return .keep(token)
        case .new(let token):
            if isUnmatched { effects.append(.report(.unmatched(topic: burst.topics[publish.topic]))) }
            return route.isNobody ? .nothing : .deliver(route, token)
        case .duplicate:
            return .nothing
        case .overReceiveMaximum:
            let words = "more QoS 1 and 2 messages at once than we allowed"
            self.protocolError(.receiveMaximumExceeded, words, now: now, into: &effects)
            return .nothing
        }
    }

    /// Where a message goes, and whether nobody wanted it at all.
    ///
    /// A further copy of a message that a subscription gets anyway goes to nobody, and yet is not unmatched.
    private mutating func route(
        _ publish: PacketBurst.Entry,
        of burst: borrowing PacketBurst
    ) -> (route: Route, isUnmatched: Bool) {
        guard publish.hasSubscriptionIdentifiers else {
            let route = self.session.router.route(publish.topic, of: burst.topics)
            return (route, route.isNobody)
        }
        let identifiers = burst.properties(of: publish).subscriptionIdentifiers
        let route = self.session.router.route(burst.topics[publish.topic], identifiers: identifiers)
        guard self.session.ledger.hasOverlaps, self.connection?.limits.subscriptionIdentifiersAvailable == true,
            let narrowed = self.session.ledger.narrow(route, identifiers: identifiers)
        else { return (route, route.isNobody) }
        return (narrowed, route.isNobody)
    }

    private mutating func judge(_ verdict: OutboundPublishes.Verdict, now: Instant, into effects: inout [Effect]) {
        if case .violation(let message) = verdict {
            self.protocolError(.protocolError, message, now: now, into: &effects)
        } else if self.session.ledger.hasUnsent {
            // A packet identifier may have become free.
            self.sendSubscriptions(into: &effects)
        }
    }

    private mutating func receivedSubAck(_ answer: SubAck, now: Instant, into effects: inout [Effect]) {
        guard let refused = self.session.ledger.subAck(answer, into: &effects) else {
            self.protocolError(.protocolError, "a SUBACK nobody asked for", now: now, into: &effects)
            return
        }
        for refusal in refused { self.end(refusal, into: &effects) }
        self.freed(answer.packetID, into: &effects)
    }

    /// The identifier of a SUBSCRIBE or UNSUBSCRIBE is free: somebody may wait for one.
    private mutating func freed(_ id: PacketID, into effects: inout [Effect]) {
        _ = self.session.outbound.exchanges.close(id)
        if self.session.ledger.hasUnsent { self.sendSubscriptions(into: &effects) }
        self.session.outbound.pump(gate: &self.session.gate, into: &effects)
    }

    private mutating func receivedDisconnect(_ packet: Disconnect, now: Instant, into effects: inout [Effect]) {
        guard self.configuration.version.hasProperties else {
            self.protocolError(.protocolError, "DISCONNECT from a server before 5.0", now: now, into: &effects)
            return
        }
        var words = "the server ended the connection: \(packet.reason)"
        if let reason = packet.properties.reasonString { words += ", \"\(reason)\"" }
        let failure = EngineFailure(
            .disconnectedByServer,
            reason: packet.reason,
            words,
            properties: packet.properties
        )
        self.endLink(failure, now: now, into: &effects)
    }
}

extension Packet {
    /// Whether it carries what a client may ask a server to leave out (MQTT 5.0, 3.1.2.11.7).
    fileprivate var hasProblemInformation: Bool {
        let properties: Properties
        switch self {
        case .pubAck(let packet), .pubRec(let packet), .pubRel(let packet), .pubComp(let packet):
            properties = packet.properties
        case .subAck(let packet): properties = packet.properties
        case .unsubAck(let packet): properties = packet.properties
        case .auth(let packet): properties = packet.properties
        case .publish, .connAck, .disconnect, .connect, .subscribe, .unsubscribe, .pingRequest, .pingResponse:
            return false
        }
        return properties.reasonString != nil || !properties.userProperties.isEmpty
    }
}
