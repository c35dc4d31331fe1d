// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The version of MQTT to speak, in everybody's spellings.
enum ProtocolChoice: Sendable, Hashable {
    case v5, v311, v31

    /// Reads a spelling.
    static func parse(_ text: String) throws -> ProtocolChoice {
        switch text.lowercased() {
        case "5", "5.0", "50", "v5", "mqttv5", "mqttv50": return .v5
        case "311", "3.1.1", "4", "v311", "mqttv311": return .v311
        case "31", "3.1", "v31", "mqttv31": return .v31
        case "3":
            throw ValidationError("'3' means 3.1 to some programs and 3.1.1 to others; write 31 or 311.")
        default:
            throw ValidationError("Write 5, 311 (3.1.1) or 31 (3.1).")
        }
    }
}
