// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT

/// A QoS of the command line.
enum QoSArgument {
    static func parse(_ text: String) throws -> QoS {
        guard let qos = UInt8(text).flatMap({ QoS(rawValue: $0) }) else { throw ValidationError("A QoS is 0, 1 or 2.") }
        return qos
    }
}
