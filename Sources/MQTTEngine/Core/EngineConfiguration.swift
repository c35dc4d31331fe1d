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

    /// What to do when the server has a session we know nothing of; before 5.0 it is always adopted.
    package enum UnexpectedSession: Hashable, Sendable {
        case refuse, startClean, adopt
    }

    package var version: ProtocolVersion
    package var clientID: String
    package var cleanStart: CleanStart = .always
    package var unexpectedSession: UnexpectedSession = .refuse
    /// Whether CONNECT asks the server for no reason strings and user properties but where it may not.
    package var refusesProblemInformation = false
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
    /// What QoS 0 messages do without a connection.
    package var offlineAtMostOnce = OfflineChoice.fail
    /// What QoS 1 and 2 messages do without a connection.
    package var offlineAcknowledged = OfflineChoice.wait(atMost: nil)
    /// What new subscriptions do without a connection.
    package var offlineSubscribe = OfflineChoice.wait(atMost: nil)
    /// How long QoS 1 and 2 messages of a session wait for a subscription that matches.
    package var unclaimedGrace: Duration = .seconds(5)
    /// At most so many PUBLISH packets in a second; nil is no limit.
    package var publishesPerSecond: Int?
    /// The highest QoS to publish with, whatever the server announces.
    package var maximumQoS = QoS.exactlyOnce
    /// Bounds of topics and payloads the server has without announcing them.
    package var messageLimits: MessageLimits?
    /// After so many connections that ended at the same message, the message is not sent again.
    package var resendLimit = 16
    /// At most so many filters in one SUBSCRIBE.
    package var filtersPerSubscribe = 100
    package var reconnect = ReconnectPolicy()
    /// How many endpoints there are to try.
    package var endpointCount = 1
    package var endpointOrder = EndpointOrder.inOrder
    /// Whether a failed first attempt is retried like any other.
    package var retriesFirstAttempt = false
    /// Whether a store confirms changes.
    package var isDurable = false
    /// Whether new credentials are asked for at each attempt, so that a refusal may pass.
    package var credentialsMayChange = false

    /// What a call does while there is no connection.
    package enum OfflineChoice: Hashable, Sendable {
        case fail
        /// Waits for the connection; nil is as long as it takes.
        case wait(atMost: Duration?)
        /// Is left in the queue; nobody waits.
        case queue
    }

    package init(version: ProtocolVersion, clientID: String) {
        self.version = version
        self.clientID = clientID
    }

    /// Whether the server keeps the session when the connection ends.
    var keepsSession: Bool { self.sessionExpiry > 0 }
}
