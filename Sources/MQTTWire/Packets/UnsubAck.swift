// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// UNSUBACK: one reason code for each filter in 5.0, none before (MQTT 5.0, 3.11).
package struct UnsubAck: Hashable, Sendable {
    package var packetID: PacketID
    /// Empty before 5.0.
    package var reasons: [ReasonCode]
    package var properties: Properties

    package init(packetID: PacketID, reasons: [ReasonCode] = [], properties: Properties = Properties()) {
        self.packetID = packetID
        self.reasons = reasons
        self.properties = properties
    }
}
