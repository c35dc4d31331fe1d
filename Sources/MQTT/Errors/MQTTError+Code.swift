// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine

extension MQTTError {
    /// The kind of an error; compare with the static members.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Name: String {
            case connectRefused, protocolViolation, connectionLost, disconnectedByServer, timedOut, transportFailed
            case clientClosed, notConnected, queueFull, packetTooLarge, notSupportedByServer, subscriptionRefused
            case publishRefused, outcomeUnknown, storeFailed, credentialsUnavailable, cancelled, invalidTopic
            case invalidFilter, invalidArgument, versionMismatch, bufferOverflow, alreadyIterating
            case unexpectedSession, messageExpired, authenticationFailed
            case noResponder, requestFailed
        }

        private let name: Name

        private init(name: Name) { self.name = name }

        /// The name of the code.
        public var description: String { self.name.rawValue }

        /// The server answered CONNECT with a refusal; see ``MQTTError/reason``.
        ///
        /// Nothing was sent.
        public static let connectRefused = Code(name: .connectRefused)
        /// The server broke the protocol and the connection was closed.
        ///
        /// Messages under way are sent again on the next one.
        public static let protocolViolation = Code(name: .protocolViolation)
        /// The connection ended before the answer came.
        ///
        /// QoS 1 and 2 messages wait for the next one instead.
        public static let connectionLost = Code(name: .connectionLost)
        /// The server ended the connection and said why; see ``MQTTError/reason``.
        public static let disconnectedByServer = Code(name: .disconnectedByServer)
        /// No answer came in time.
        public static let timedOut = Code(name: .timedOut)
        /// The server could not be reached; ``MQTTError/cause`` is a `TransportError`.
        ///
        /// Nothing was sent.
        public static let transportFailed = Code(name: .transportFailed)
        /// The client was disconnected by its user.
        ///
        /// The message was never sent.
        public static let clientClosed = Code(name: .clientClosed)
        /// There is no connection, and the call does not wait for one.
        ///
        /// Nothing was sent.
        public static let notConnected = Code(name: .notConnected)
        /// Too many messages, or too many bytes, wait already.
        ///
        /// Nothing was sent.
        public static let queueFull = Code(name: .queueFull)
        /// The packet is larger than the server, or MQTT, allows.
        ///
        /// Nothing was sent.
        public static let packetTooLarge = Code(name: .packetTooLarge)
        /// The server said when it connected that it does not do this.
        ///
        /// Nothing was sent.
        public static let notSupportedByServer = Code(name: .notSupportedByServer)
        /// The server refused a filter; other subscriptions are untouched.
        ///
        /// See ``MQTTError/filter``.
        public static let subscriptionRefused = Code(name: .subscriptionRefused)
        /// The server refused the message with ``MQTTError/reason``; it will not be sent again.
        public static let publishRefused = Code(name: .publishRefused)
        /// The message was sent, and whether it arrived cannot be known any more.
        public static let outcomeUnknown = Code(name: .outcomeUnknown)
        /// The session store failed; the message was never sent.
        public static let storeFailed = Code(name: .storeFailed)
        /// The credentials provider threw, or an authenticator before it had said anything; see ``MQTTError/cause``.
        public static let credentialsUnavailable = Code(name: .credentialsUnavailable)
        /// The authenticator threw in the middle of an exchange, or found that the server is not who it should be.
        ///
        /// ``MQTTError/cause`` is its error. The connection was closed and, unless you say otherwise, no other is made.
        /// Messages under way end as when retries end.
        public static let authenticationFailed = Code(name: .authenticationFailed)
        /// The calling task was cancelled.
        ///
        /// What the call began goes on: a message may still be delivered.
        public static let cancelled = Code(name: .cancelled)
        /// The topic breaks a rule of MQTT 5.0, 4.7.
        ///
        /// Nothing was sent.
        public static let invalidTopic = Code(name: .invalidTopic)
        /// The topic filter breaks a rule of MQTT 5.0, 4.7.
        ///
        /// Nothing was sent.
        public static let invalidFilter = Code(name: .invalidFilter)
        /// An argument or a setting is out of its range.
        ///
        /// Nothing was sent.
        public static let invalidArgument = Code(name: .invalidArgument)
        /// The call needs another version of MQTT.
        ///
        /// Nothing was sent.
        public static let versionMismatch = Code(name: .versionMismatch)
        /// The subscription's buffer was full and its policy is to fail.
        public static let bufferOverflow = Code(name: .bufferOverflow)
        /// Another task is already waiting for the next message of this subscription.
        public static let alreadyIterating = Code(name: .alreadyIterating)

        /// The server has a session that the client knows nothing of; see ``UnexpectedSession``.
        public static let unexpectedSession = Code(name: .unexpectedSession)
        /// The message's expiry passed before it could be sent.
        ///
        /// Nothing was sent.
        public static let messageExpired = Code(name: .messageExpired)
        /// The server said that nobody subscribes to the topic of the request: no reply can come.
        public static let noResponder = Code(name: .noResponder)
        /// Whoever was asked replied that it failed; ``MQTTError/message`` is what it said.
        ///
        /// A handler of ``MQTTClient/serve(_:qos:concurrency:settings:_:)`` throws it to say so.
        public static let requestFailed = Code(name: .requestFailed)

        init(_ kind: EngineFailure.Kind) {
            switch kind {
            case .connectRefused: self = .connectRefused
            case .protocolViolation: self = .protocolViolation
            case .connectionLost: self = .connectionLost
            case .disconnectedByServer: self = .disconnectedByServer
            case .timedOut: self = .timedOut
            case .transportFailed: self = .transportFailed
            case .closed: self = .clientClosed
            case .notConnected: self = .notConnected
            case .queueFull: self = .queueFull
            case .packetTooLarge: self = .packetTooLarge
            case .notSupportedByServer: self = .notSupportedByServer
            case .subscriptionRefused: self = .subscriptionRefused
            case .outcomeUnknown: self = .outcomeUnknown
            case .storeFailed: self = .storeFailed
            case .cancelled: self = .cancelled
            case .credentialsUnavailable: self = .credentialsUnavailable
            case .unexpectedSession: self = .unexpectedSession
            case .expired: self = .messageExpired
            case .authenticationFailed: self = .authenticationFailed
            }
        }
    }
}
