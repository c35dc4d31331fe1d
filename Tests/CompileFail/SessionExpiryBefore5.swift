// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Expect: only MQTT 5.0 has a session expiry: set cleanSession to false instead
import MQTT

func configure() -> MQTT311Client.Configuration {
    var configuration = MQTT311Client.Configuration()
    configuration.sessionExpiry = .seconds(60)
    return configuration
}
