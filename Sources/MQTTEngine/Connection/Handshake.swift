// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// CONNECT and the wait for CONNACK (MQTT 5.0, 3.1, 3.2).
package struct Handshake: Sendable {
    package enum Outcome: Equatable {
        /// CONNACK, and what it means.
        case accepted(ConnAck, Connected)
        case failed(EngineFailure)
    }

    package let deadline: Instant
    package let cleanStart: Bool

    /// The CONNECT of one attempt.
    package static func connect(
        configuration: EngineConfiguration,
        clientID: String,
        cleanStart: Bool,
        credentials: ConnectCredentials?
    ) -> Connect {
        Connect(
            clientID: clientID,
            cleanStart: cleanStart,
            keepAlive: configuration.keepAlive,
            will: configuration.will,
            username: credentials?.username,
            password: credentials?.password,
            properties: self.properties(configuration)
        )
    }

    /// What CONNECT carries at every attempt.
    private static func properties(_ configuration: EngineConfiguration) -> Properties {
        var properties = configuration.connectProperties
        if let method = configuration.authenticationMethod { properties.append(.authenticationMethod(method)) }
        return properties
    }

    package init(cleanStart: Bool, timeout: Duration, now: Instant) {
        self.cleanStart = cleanStart
        self.deadline = now.advanced(by: timeout)
    }

    /// The first packet of the server.
    package func received(_ packet: Packet, configuration: EngineConfiguration, clientID: String) -> Outcome {
        guard case .connAck(let answer) = packet else {
            return .failed(EngineFailure(.protocolViolation, "the server's first packet is no CONNACK"))
        }
        guard !answer.reason.isError else { return .failed(self.refusal(answer, version: configuration.version)) }
        if self.cleanStart, answer.sessionPresent {
            // MQTT 5.0, 3.2.2-2 and 3.2.2-4: we asked for a new session and have no state of an old one.
            let words = "the server claims a session after a clean start"
            return .failed(EngineFailure(.protocolViolation, reason: nil, words))
        }
        guard answer.properties.authenticationMethod == configuration.authenticationMethod else {
            // MQTT-4.12.0-5, MQTT-4.12.0-6.
            let words = "the authentication method of CONNACK is not that of CONNECT"
            return .failed(EngineFailure(.protocolViolation, words))
        }
        let limits = NegotiatedLimits(configuration: configuration, announced: answer.properties)
        return .accepted(
            answer,
            Connected(
                sessionPresent: answer.sessionPresent,
                clientID: answer.properties.assignedClientIdentifier ?? clientID,
                limits: limits,
                properties: answer.propertiesToShow
            )
        )
    }

    private func refusal(_ answer: ConnAck, version: ProtocolVersion) -> EngineFailure {
        var words = "the server refused the connection: \(answer.reason)"
        if let reason = answer.properties.reasonString { words += ", \"\(reason)\"" }
        if answer.reason == .unsupportedProtocolVersion { words += "; it may speak another version of MQTT" }
        return EngineFailure(.connectRefused, reason: answer.reason, words, properties: answer.propertiesToShow)
    }
}

extension ConnAck {
    /// The properties without authentication data: what shows may come to a log.
    fileprivate var propertiesToShow: Properties {
        var properties = self.properties
        if properties.authenticationData != nil { properties.authenticationData = nil }
        return properties
    }
}
