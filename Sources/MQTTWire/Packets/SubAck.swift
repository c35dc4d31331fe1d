// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// SUBACK: one reason code for each filter of a SUBSCRIBE, in its order (MQTT 5.0, 3.9).
package struct SubAck: Hashable, Sendable {
    package var packetID: PacketID
    package var reasons: [ReasonCode]
    package var properties: Properties

    package init(packetID: PacketID, reasons: [ReasonCode], properties: Properties = Properties()) {
        self.packetID = packetID
        self.reasons = reasons
        self.properties = properties
    }
}
