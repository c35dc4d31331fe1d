// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// AUTH: a step of enhanced authentication, 5.0 only (MQTT 5.0, 3.15).
package struct Auth: Hashable, Sendable {
    package var reason: ReasonCode
    package var properties: Properties

    package init(reason: ReasonCode = .success, properties: Properties = Properties()) {
        self.reason = reason
        self.properties = properties
    }
}
