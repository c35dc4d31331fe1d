// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Expect: MQTT 5.0 has no clean session: set cleanStart and sessionExpiry instead
import MQTT

func configure() -> MQTT5Client.Configuration {
    var configuration = MQTT5Client.Configuration()
    configuration.cleanSession = false
    return configuration
}
