// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire

extension MQTTClient where Version == V5 {
    /// Authenticates again on the connection that stands, with a new exchange, and returns when both sides are content
    /// (MQTT 5.0, 4.12.1).
    ///
    /// For credentials that expire; everything else goes on meanwhile. A call while another is under way joins it. When
    /// either side refuses, the connection is closed; reconnecting then authenticates as usual. Cancelling ends the wait, not
    /// the exchange.
    ///
    /// A server has no packet to ask for this: one whose patience ends says DISCONNECT, and the next connection
    /// authenticates anew. Servers that announce it in other ways, as by a message, can be obeyed by calling this.
    ///
    /// - Throws: ``MQTTError`` with code `invalidArgument` without an authenticator, `notConnected`, `credentialsUnavailable`
    ///   when the exchange could not begin (the connection stays), `authenticationFailed` when we refused,
    ///   `disconnectedByServer` when the server did, `timedOut` after the handshake timeout, `connectionLost`,
    ///   `protocolViolation`, `clientClosed` or `cancelled`.
    public func reauthenticate() async throws(MQTTError) {
        guard self.configuration.authenticator != nil else {
            let words = "the configuration has no authenticator, and AUTH may only follow one (MQTT 5.0, 4.12)"
            throw MQTTError(.invalidArgument, words)
        }
        let completion = await self.link.call { state, operation in
            state.engine.reauthenticate(operation, into: &state.effects)
        }
        switch completion {
        case .authenticated: return
        case .failed(let failure): throw MQTTError(failure)
        default: preconditionFailure("an authentication ended as another request")
        }
    }
}

extension MQTTClient {
    /// Only MQTT 5.0 has enhanced authentication: use `MQTT5Client`.
    @available(*, unavailable, message: "only MQTT 5.0 has enhanced authentication: use MQTT5Client")
    public func reauthenticate() async throws(MQTTError) {
        throw MQTTError(.versionMismatch, "only MQTT 5.0 has enhanced authentication")
    }
}
