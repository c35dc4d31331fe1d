// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

extension Failure {
    /// What an error of the client means for the program's end, and what its user may try.
    init(_ error: MQTTError, to endpoint: Endpoint) {
        if let cause = error.transportError {
            self.init(cause, to: endpoint)
            return
        }
        let (stage, status) = Self.class(of: error)
        self.init(status, stage, Self.sentence(error.message, error), reason: error.reason)
        self.advice = Self.advice(error, stage: stage, to: endpoint)
    }

    private static func `class`(of error: MQTTError) -> (Stage, ExitClass) {
        switch error.code {
        case .connectRefused: (.connack, self.status(of: error.reason) ?? .refused)
        case .disconnectedByServer: (.session, self.status(of: error.reason) ?? .unreachable)
        case .subscriptionRefused: (.subscribe, self.status(of: error.reason) ?? .refused)
        case .publishRefused: (.publish, self.status(of: error.reason) ?? .refused)
        case .notSupportedByServer: (error.filter == nil ? .publish : .subscribe, .refused)
        case .packetTooLarge: (.publish, .badData)
        case .protocolViolation: (.session, .protocolError)
        case .timedOut: (.connack, .unreachable)
        case .transportFailed: (.connect, .unreachable)
        case .connectionLost, .notConnected, .outcomeUnknown: (.session, .unreachable)
        case .credentialsUnavailable: (.connect, .configuration)
        case .invalidTopic, .invalidFilter, .invalidArgument, .versionMismatch: (.arguments, .usage)
        default: (.session, .unexpected)
        }
    }

    /// What a broker's reason code means; nil where it depends on the packet it came with.
    private static func status(of reason: ReasonCode?) -> ExitClass? {
        switch reason {
        case .serverUnavailable?, .serverBusy?, .serverShuttingDown?, .messageRateTooHigh?, .quotaExceeded?,
            .connectionRateExceeded?:
            .tryLater
        case .malformedPacket?, .protocolError?, .unsupportedProtocolVersion?:
            .protocolError
        case .badUserNameOrPassword?, .notAuthorized?, .banned?, .badAuthenticationMethod?:
            .refused
        default: nil
        }
    }

    /// The client's words as a sentence, with those of the broker.
    private static func sentence(_ message: String, _ error: MQTTError) -> String {
        var text = message.prefix(1).uppercased() + message.dropFirst()
        if let words = error.properties.reasonString, !message.contains(words) {
            text += "; the broker says: \(words.debugDescription)"
        }
        if let server = error.properties.serverReference { text += "; it names another: \(server.debugDescription)" }
        return text.hasSuffix(".") ? text : text + "."
    }

    private static func advice(_ error: MQTTError, stage: Stage, to endpoint: Endpoint) -> String {
        switch (error.reason, stage) {
        case (.unsupportedProtocolVersion?, _):
            "Try another version: -V 311."
        case (.badUserNameOrPassword?, .connack), (.notAuthorized?, .connack):
            "Check the user name (-u) and the password (--password-file, --password-env)."
        case (.clientIdentifierNotValid?, _):
            "Give another client identifier: -i."
        case (.notAuthorized?, .publish), (.notAuthorized?, .subscribe):
            "Ask whoever runs the broker what this user may do there."
        case (.sessionTakenOver?, _):
            "Somebody else connected with the same client identifier; give another one with -i."
        case (.qosNotSupported?, _):
            "Ask for less: -q."
        case (.topicFilterInvalid?, _), (.topicNameInvalid?, _):
            "The broker has rules of its own for topics."
        case (nil, .session) where error.code == .protocolViolation:
            "Is \(endpoint) an MQTT broker? A port for TLS needs TLS: --tls-use-os-certs or --cafile."
        case (nil, .session) where error.code == .connectionLost:
            "A broker that closes at once may want TLS (--tls-use-os-certs), or another version (-V 311)."
        case (nil, .connack) where error.code == .timedOut:
            "Is \(endpoint) an MQTT broker?"
        default: ""
        }
    }
}
