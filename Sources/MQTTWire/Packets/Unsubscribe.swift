// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// UNSUBSCRIBE: filters to give up (MQTT 5.0, 3.10).
package struct Unsubscribe: Hashable, Sendable {
    package var packetID: PacketID
    package var filters: [String]
    package var properties: Properties

    package init(packetID: PacketID, filters: [String], properties: Properties = Properties()) {
        self.packetID = packetID
        self.filters = filters
        self.properties = properties
    }
}
