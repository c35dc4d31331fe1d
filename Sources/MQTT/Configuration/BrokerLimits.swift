// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
public import MQTTWire

/// Limits that a server has and does not announce, applied before anything is sent.
///
/// What a 5.0 server announces is applied by itself and need not be here; the smaller of both counts. A call that breaks one
/// throws ``MQTTError/Code/notSupportedByServer`` or ``MQTTError/Code/packetTooLarge``, and nothing is sent.
public struct BrokerLimits: Hashable, Sendable {
    /// At most so many filters go into one SUBSCRIBE or UNSUBSCRIBE, at reconnects too.
    public var filtersPerSubscribe = 100

    /// At most so many messages are published in a second; more wait for their turn.
    public var publishesPerSecond: Int?

    /// The highest QoS the server takes.
    public var maximumQoS = QoS.exactlyOnce

    /// The longest topic or filter, in bytes of UTF-8.
    public var topicLength: Int?

    /// The deepest topic or filter, in levels: one more than its slashes.
    public var topicLevels: Int?

    /// The largest payload, in bytes.
    public var payloadSize: Int?

    /// Makes limits that stop nothing but 100 filters in a SUBSCRIBE.
    public init() {}

    /// AWS IoT Core: 8 filters in a SUBSCRIBE, 100 messages a second, QoS 1, topics of 256 bytes and 8 levels, 128 KiB.
    ///
    /// The levels of "$aws/rules/name/" are free there and counted here: raise ``topicLevels`` by three for such topics.
    public static var awsIoTCore: BrokerLimits {
        var limits = BrokerLimits()
        limits.filtersPerSubscribe = 8
        limits.publishesPerSecond = 100
        limits.maximumQoS = .atLeastOnce
        limits.topicLength = 256
        limits.topicLevels = 8
        limits.payloadSize = 131_072
        return limits
    }

    /// Azure IoT Hub: QoS 1, messages of 256 KiB.
    public static var azureIoTHub: BrokerLimits {
        var limits = BrokerLimits()
        limits.maximumQoS = .atLeastOnce
        limits.payloadSize = 262_144
        return limits
    }

    /// Whether every limit can be kept.
    var isValid: Bool {
        let bounds = [self.publishesPerSecond, self.topicLength, self.topicLevels, self.payloadSize]
        return self.filtersPerSubscribe > 0 && bounds.allSatisfy { $0.map { $0 > 0 } ?? true }
    }

    /// The engine's word for what concerns single messages; nil without such limits.
    var messageLimits: MessageLimits? {
        guard self.topicLength != nil || self.topicLevels != nil || self.payloadSize != nil else { return nil }
        return MessageLimits(
            topicLength: self.topicLength,
            topicLevels: self.topicLevels,
            payloadSize: self.payloadSize
        )
    }
}
