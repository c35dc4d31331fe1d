// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import Testing

/// A version of MQTT whose clients the tests can set up without knowing which it is.
protocol TestVersion: MQTTVersion {
    /// Makes the session outlive its connections.
    static func keepSession(_ configuration: inout MQTTClient<Self>.Configuration)
}

extension V5: TestVersion {
    static func keepSession(_ configuration: inout MQTT5Client.Configuration) {
        configuration.cleanStart = .never
        configuration.unexpectedSession = .adopt
        configuration.sessionExpiry = .seconds(600)
        // Mosquitto 2.0.11 sends up to a whole receive maximum anew for each acknowledgement while messages are queued, and
        // a client has to close over that.
        configuration.receiveMaximum = .max
    }
}

extension V311: TestVersion {
    static func keepSession(_ configuration: inout MQTT311Client.Configuration) { configuration.cleanSession = false }
}

extension V31: TestVersion {
    static func keepSession(_ configuration: inout MQTT31Client.Configuration) { configuration.cleanSession = false }
}

/// The argument of tests that run for every version.
enum TestedVersion: CaseIterable, CustomTestStringConvertible {
    case v31
    case v311
    case v5

    var type: any TestVersion.Type {
        switch self {
        case .v31: V31.self
        case .v311: V311.self
        case .v5: V5.self
        }
    }

    var testDescription: String {
        switch self {
        case .v31: "MQTT 3.1"
        case .v311: "MQTT 3.1.1"
        case .v5: "MQTT 5.0"
        }
    }
}
