// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A message the server publishes when the client goes away without a DISCONNECT (MQTT 5.0, 3.1.2.5).
public struct Will: Hashable, Sendable {
    /// The topic name: not empty, no wildcards.
    public var topic: String

    /// The message's bytes, at most 65,535 of them.
    public var payload: ByteBuffer

    /// The QoS the server publishes it with.
    public var qos: QoS

    /// Whether the server keeps it as the retained message of the topic.
    public var retain: Bool

    /// The 5.0 properties of the will, its delay among them.
    ///
    /// Must be empty before 5.0.
    package var properties: Properties

    /// Makes a will any version can carry.
    public init(topic: String, payload: ByteBuffer, qos: QoS = .atMostOnce, retain: Bool = false) {
        self.init(topic: topic, payload: payload, qos: qos, retain: retain, properties: Properties())
    }

    package init(topic: String, payload: ByteBuffer, qos: QoS, retain: Bool, properties: Properties) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.properties = properties
    }
}
