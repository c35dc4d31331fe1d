// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// Why a request ended without success, or a connection ended.
package struct EngineFailure: Error, Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// The server answered CONNECT with a refusal.
        case connectRefused
        /// The peer broke the protocol.
        case protocolViolation
        /// The link ended under it.
        case connectionLost
        /// The server sent DISCONNECT.
        case disconnectedByServer
        /// An answer did not come in time.
        case timedOut
        /// The transport could not be made.
        case transportFailed
        /// The user asked for the end of the connection.
        case closed
        /// There is no connection, and the policy says not to wait for one.
        case notConnected
        /// The bounded queue of messages to send is full.
        case queueFull
        /// The packet is larger than the server takes.
        case packetTooLarge
        /// The server said that it does not do this.
        case notSupportedByServer
        /// The server refused a subscription.
        case subscriptionRefused
        /// It was sent, and whether it arrived cannot be known any more.
        case outcomeUnknown
        /// The store could not keep it; it was never sent.
        case storeFailed
        /// The call was cancelled; what it began goes on.
        case cancelled
        /// The credentials could not be had.
        case credentialsUnavailable
        /// The server has a session that the client knows nothing of.
        case unexpectedSession
        /// The message's expiry passed before it could be sent.
        case expired
        /// Enhanced authentication came to no good end on our side.
        case authenticationFailed
    }

    package var kind: Kind
    /// The reason code of the server, where one is the cause.
    package var reason: ReasonCode?
    /// What happened, for a person.
    package var message: String
    /// The filter that was refused, where one was.
    package var filter: String?
    /// The server's own words and properties, where it gave some.
    package var properties: Properties
    /// The error underneath, opaque here.
    package var cause: Cause?

    /// An error that is carried along; failures are compared without it.
    package struct Cause: Hashable, Sendable {
        package let error: any Error
        package init(_ error: any Error) { self.error = error }
        package static func == (left: Cause, right: Cause) -> Bool { true }
        package func hash(into hasher: inout Hasher) {}
    }

    package init(
        _ kind: Kind,
        reason: ReasonCode? = nil,
        filter: String? = nil,
        _ message: String,
        properties: Properties = Properties()
    ) {
        self.kind = kind
        self.filter = filter
        self.reason = reason
        self.message = message
        self.properties = properties
    }
}
