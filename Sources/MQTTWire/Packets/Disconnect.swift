// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// DISCONNECT: the last packet of a connection (MQTT 5.0, 3.14).
package struct Disconnect: Hashable, Sendable {
    /// Always normal disconnection before 5.0, where it is not on the wire.
    package var reason: ReasonCode
    package var properties: Properties

    package init(reason: ReasonCode = .normalDisconnection, properties: Properties = Properties()) {
        self.reason = reason
        self.properties = properties
    }
}
