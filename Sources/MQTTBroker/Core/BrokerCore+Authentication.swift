// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

// Enhanced authentication (MQTT 5.0, 4.12).

extension BrokerCore {
    /// A CONNECT names a method: the user's code takes the first step.
    mutating func beginExchange(_ connecting: Connecting, of id: ConnectionID) {
        let properties = connecting.connect.properties
        let question = BrokerQuestion.exchange(
            id,
            method: properties.authenticationMethod ?? "",
            data: properties.authenticationData,
            isReauthentication: false
        )
        self.ask(question, for: .exchange(connecting), of: id)
    }

    /// The user's code has taken a step.
    mutating func exchanged(_ connecting: Connecting, _ answer: BrokerAnswer, of id: ConnectionID, now: NIODeadline) {
        switch answer {
        case .proceed(let data):
            let method = connecting.connect.properties.authenticationMethod
            self.connections[id]?.phase = .connecting(connecting, awaitsAuth: true)
            if self.limits.connectTimeout > 0 {
                self.alarms.set(.connect(id), at: now + .seconds(Int64(self.limits.connectTimeout)))
            }
            // MQTT-4.12.0-2.
            self.send(.auth(Auth(.continueAuthentication, method: method, data: data)), to: id)
        case .done(let data):
            var connecting = connecting
            connecting.authenticationData = data
            self.admit(connecting, of: id, now: now)
        case .decided:
            self.authenticated(connecting, answer, of: id, now: now)
        }
    }

    /// The client's next step, before CONNACK.
    mutating func authCame(_ auth: Auth, while connecting: Connecting, from id: ConnectionID, now: NIODeadline) {
        let clientID = connecting.connect.clientID
        let method = connecting.connect.properties.authenticationMethod ?? ""
        guard auth.reason == .continueAuthentication else {
            return self.refuse(id, .protocolError, clientID: clientID, words: "The AUTH is out of place", now: now)
        }
        // MQTT-4.12.0-5.
        guard let named = auth.properties.authenticationMethod, named.hasSameBytes(as: method) else {
            return self.refuse(
                id,
                .badAuthenticationMethod,
                clientID: clientID,
                words: "The authentication method has changed",
                now: now
            )
        }
        self.connections[id]?.phase = .connecting(connecting, awaitsAuth: false)
        self.alarms.remove(.connect(id))
        let question = BrokerQuestion.exchange(
            id,
            method: method,
            data: auth.properties.authenticationData,
            isReauthentication: false
        )
        self.ask(question, for: .exchange(connecting), of: id)
    }

    /// A client that is connected begins anew, or goes on with it (MQTT 5.0, 4.12.1).
    mutating func authCame(_ auth: Auth, of slot: Int, from id: ConnectionID, now: NIODeadline) {
        guard let link = self.sessions[slot].link, let method = link.authenticationMethod else {
            return self.fail(id, .protocolError, "An AUTH came where CONNECT named no method", now: now)
        }
        guard let named = auth.properties.authenticationMethod, named.hasSameBytes(as: method) else {
            return self.fail(id, .badAuthenticationMethod, "The authentication method has changed", now: now)
        }
        let isExpected =
            link.awaitsAuth ? auth.reason == .continueAuthentication : auth.reason == .reauthenticate
        guard isExpected else { return self.fail(id, .protocolError, "The AUTH is out of place", now: now) }
        self.sessions[slot].link?.awaitsAuth = false
        let question = BrokerQuestion.exchange(
            id,
            method: method,
            data: auth.properties.authenticationData,
            isReauthentication: true
        )
        self.ask(question, for: .reauthenticate, of: id)
    }

    mutating func reauthenticated(_ answer: BrokerAnswer, of slot: Int, from id: ConnectionID, now: NIODeadline) {
        let method = self.sessions[slot].link?.authenticationMethod
        switch answer {
        case .proceed(let data):
            self.sessions[slot].link?.awaitsAuth = true
            self.send(.auth(Auth(.continueAuthentication, method: method, data: data)), to: id)
        case .done(let data):
            self.send(.auth(Auth(.success, method: method, data: data)), to: id)
        case .decided(.success):
            self.send(.auth(Auth(.success, method: method, data: nil)), to: id)
        case .decided(let reason):
            // MQTT-4.12.1-2.
            self.fail(
                id,
                reason.isError ? reason : .notAuthorized,
                "The client could not say again who it is",
                now: now
            )
        }
    }
}

extension Auth {
    fileprivate init(_ reason: ReasonCode, method: String?, data: ByteBuffer?) {
        self.init(reason: reason)
        self.properties.authenticationMethod = method
        self.properties.authenticationData = data
    }
}
