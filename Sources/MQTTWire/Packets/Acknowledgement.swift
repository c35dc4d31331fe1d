// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The common form of PUBACK, PUBREC, PUBREL and PUBCOMP (MQTT 5.0, 3.4 to 3.7).
package struct Acknowledgement: Hashable, Sendable {
    package var packetID: PacketID
    /// Always success before 5.0, where it is not on the wire.
    package var reason: ReasonCode
    package var properties: Properties

    package init(packetID: PacketID, reason: ReasonCode = .success, properties: Properties = Properties()) {
        self.packetID = packetID
        self.reason = reason
        self.properties = properties
    }
}
