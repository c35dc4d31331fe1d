// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// CONNACK: the server's answer to CONNECT (MQTT 5.0, 3.2).
///
/// The return codes of 3.x are kept as their 5.0 reason codes, so that everything above speaks of one set.
package struct ConnAck: Hashable, Sendable {
    package var sessionPresent: Bool
    package var reason: ReasonCode
    package var properties: Properties

    package init(sessionPresent: Bool = false, reason: ReasonCode = .success, properties: Properties = Properties()) {
        self.sessionPresent = sessionPresent
        self.reason = reason
        self.properties = properties
    }
}
