// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A message to publish: what to say, where, and how hard to try.
public struct OutgoingMessage: Hashable, Sendable {
    /// The topic name: not empty, no wildcards, at most 65,535 bytes of UTF-8 (MQTT 5.0, 4.7).
    public var topic: String

    /// The application's bytes; may be empty.
    public var payload: ByteBuffer

    /// How hard to try to deliver it.
    public var qos: QoS

    /// Whether the server keeps it for later subscribers.
    ///
    /// An empty retained payload clears what was kept.
    public var retain: Bool

    /// The 5.0 properties, sent in this order.
    ///
    /// Must be empty before 5.0.
    public var properties: Properties

    /// Makes a message to publish.
    public init(
        topic: String,
        payload: ByteBuffer = ByteBuffer(),
        qos: QoS = .atMostOnce,
        retain: Bool = false,
        properties: Properties = Properties()
    ) {
        self.topic = topic
        self.payload = payload
        self.qos = qos
        self.retain = retain
        self.properties = properties
    }
}
