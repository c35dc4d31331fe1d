// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
public import MQTTTransport
public import MQTTWire

/// What went wrong, and what it means for messages under way.
///
/// Every error of this module is one of these. Look at ``code`` to decide, at ``message`` to tell a person. The set of codes
/// may grow.
public struct MQTTError: Error, Sendable {
    /// What kind of error it is.
    public var code: Code

    /// What happened, in words for a person, without credentials or payloads.
    public var message: String

    /// The reason code of the server, when the server caused the error (MQTT 5.0, 2.4).
    public var reason: ReasonCode?

    /// The topic filter that was refused, for ``Code/subscriptionRefused``.
    public var filter: String?

    /// The properties of the packet that told of the error: the server's reason string, user properties, server reference.
    public var properties: Properties

    /// The error underneath, such as one of the transport, of the credentials provider or of the session store.
    public var cause: (any Error)?

    /// Makes an error, for tests and for code that wraps the client.
    public init(
        _ code: Code,
        _ message: String,
        reason: ReasonCode? = nil,
        filter: String? = nil,
        properties: Properties = Properties(),
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.reason = reason
        self.filter = filter
        self.properties = properties
        self.cause = cause
    }
}

extension MQTTError {
    /// What went wrong on the road to the server, and at which stage; nil for errors of MQTT itself.
    public var transportError: TransportError? { self.cause as? TransportError }
}

extension MQTTError: CustomStringConvertible {
    /// The code and the words, for logs.
    public var description: String { "\(self.code): \(self.message)" }
}

extension MQTTError {
    init(_ failure: EngineFailure) {
        self.init(
            Code(failure.kind),
            failure.message,
            reason: failure.reason,
            filter: failure.filter,
            properties: failure.properties,
            cause: failure.cause?.error
        )
    }

    init(_ error: EncodingError) {
        let code: Code =
            switch error.kind {
            case .invalidTopic: .invalidTopic
            case .invalidFilter: .invalidFilter
            case .invalidField, .invalidProperty: .invalidArgument
            case .tooLarge: .packetTooLarge
            case .notInThisVersion: .versionMismatch
            }
        self.init(code, error.message)
    }

    init(_ error: InvalidTopic, isFilter: Bool) {
        self.init(isFilter ? .invalidFilter : .invalidTopic, error.message)
    }

    /// The call's task was cancelled.
    static let cancelled = MQTTError(.cancelled, "the task was cancelled; what the call began goes on")
}
