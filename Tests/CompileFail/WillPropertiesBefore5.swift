// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Expect: only MQTT 5.0 has will properties: use MQTT5Client
import MQTT

func configure() -> MQTT31Client.Configuration {
    var configuration = MQTT31Client.Configuration()
    configuration.willProperties = [.willDelayInterval(5)]
    return configuration
}
