// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// Everything the engine needs to know before it starts.
package struct EngineConfiguration: Sendable {
    /// When a connection asks the server to forget the session.
    package enum CleanStart: Hashable, Sendable {
        /// At every connection.
        case always
        /// Until the first connection succeeded.
        case firstOnly
        /// Never: the session goes on.
        case never
    }

    package var version: ProtocolVersion
    package var clientID: String
    package var cleanStart: CleanStart = .always
    /// Seconds; 0 switches it off.
    package var keepAlive: UInt16 = 60
    package var will: Will?
    /// What CONNECT carries, in this order.
    ///
    /// Empty before 5.0.
    package var connectProperties = Properties()
    /// The method of enhanced authentication, where there is one; 5.0 only.
    package var authenticationMethod: String?
    /// Seconds the session outlives the connection; for 3.x `UInt32.max` when it is kept at all.
    package var sessionExpiry: UInt32 = 0
    /// How many QoS 1 and 2 messages the server may have in flight to us.
    ///
    /// Announced and policed on 5.0 only.
    package var receiveMaximum: UInt16 = .max
    /// Our own bound on QoS 1 and 2 messages in flight to the server, below what it allows.
    package var inFlightWindow: Int?
    /// How long to wait for CONNACK.
    package var handshakeTimeout: Duration = .seconds(10)
    /// How long to wait for a PINGRESP with nothing else arriving.
    package var pingTimeout: Duration = .seconds(10)
    /// Bounds of the messages not yet finished.
    package var pendingLimit = 65_535
    package var pendingBytesLimit = 64 << 20
    /// Whether QoS 0 messages wait for a connection.
    package var queuesAtMostOnce = false
    /// Whether QoS 1 and 2 messages wait for a connection.
    package var queuesAcknowledged = true
    /// Whether subscribing waits for a connection.
    package var subscribeWaits = true
    /// At most so many filters in one SUBSCRIBE.
    package var filtersPerSubscribe = 100
    package var reconnect = ReconnectPolicy()
    /// Whether a failed first attempt is retried like any other.
    package var retriesFirstAttempt = false
    /// Whether a store confirms changes.
    package var isDurable = false
    /// Whether new credentials are asked for at each attempt, so that a refusal may pass.
    package var credentialsMayChange = false

    package init(version: ProtocolVersion, clientID: String) {
        self.version = version
        self.clientID = clientID
    }

    /// Whether the server keeps the session when the connection ends.
    var keepsSession: Bool { self.sessionExpiry > 0 }
}
