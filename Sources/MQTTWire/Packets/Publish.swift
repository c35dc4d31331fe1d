// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// PUBLISH: an application message in flight (MQTT 5.0, 3.3).
package struct Publish: Hashable, Sendable {
    /// Empty only in 5.0, with a topic alias.
    package var topic: String
    /// A slice of the buffer it was read into, never a copy.
    package var payload: ByteBuffer
    package var properties: Properties
    /// nil exactly at QoS 0.
    package var packetID: PacketID?
    package var qos: QoS
    package var retain: Bool
    package var duplicate: Bool

    package init(
        topic: String,
        payload: ByteBuffer = ByteBuffer(),
        qos: QoS = .atMostOnce,
        retain: Bool = false,
        duplicate: Bool = false,
        packetID: PacketID? = nil,
        properties: Properties = Properties()
    ) {
        self.topic = topic
        self.payload = payload
        self.properties = properties
        self.packetID = packetID
        self.qos = qos
        self.retain = retain
        self.duplicate = duplicate
    }
}
