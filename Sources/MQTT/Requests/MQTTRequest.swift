// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire
public import NIOCore

/// A request that came for ``MQTTClient/serve(_:qos:concurrency:settings:_:)``.
public struct MQTTRequest: Sendable {
    /// The message it came as.
    public let message: MQTTMessage

    /// The properties of the message.
    public let properties: Properties

    /// How much of its message expiry was left when the handler began; nil without one.
    ///
    /// When it is over the handler's task is cancelled.
    public let timeLimit: Duration?

    /// The topic it was published to.
    public var topic: String { self.message.topic }

    /// The bytes of the request.
    public var payload: ByteBuffer { self.message.payload }

    /// The bytes as text; nil when they are not UTF-8.
    public var text: String? { self.message.text }

    /// Where the reply goes; nil when none is wanted.
    public var responseTopic: String? { self.properties.responseTopic }

    /// What the reply is known by; copied into it.
    public var correlationData: ByteBuffer? { self.properties.correlationData }
}
