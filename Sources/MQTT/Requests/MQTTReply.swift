// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire
public import NIOCore

/// What a handler of ``MQTTClient/serve(_:qos:concurrency:settings:_:)`` answers.
public struct MQTTReply: Hashable, Sendable {
    /// The bytes of the reply.
    public var payload: ByteBuffer

    /// The QoS of the reply; nil is that of the request.
    public var qos: QoS?

    /// Its properties.
    ///
    /// The correlation data are those of the request whatever is here. Without a message expiry the reply gets what is left
    /// of that of the request.
    public var properties: Properties

    /// Makes a reply of text, bytes, or a number as decimal text.
    public init(_ payload: some MQTTPayload, qos: QoS? = nil, properties: Properties = Properties()) {
        self.payload = payload.mqttPayload
        self.qos = qos
        self.properties = properties
    }

    /// Makes an empty reply.
    public init(qos: QoS? = nil, properties: Properties = Properties()) {
        self.payload = ByteBuffer()
        self.qos = qos
        self.properties = properties
    }
}
