// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// Names one received QoS 1 or 2 message to whoever acknowledges it.
package struct DeliveryToken: Hashable, Sendable {
    /// The order of arrival, over all connections of the client.
    package let serial: UInt64
    package let packetID: PacketID
    package let qos: QoS

    package init(serial: UInt64, packetID: PacketID, qos: QoS) {
        self.serial = serial
        self.packetID = packetID
        self.qos = qos
    }
}
