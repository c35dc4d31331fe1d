// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Expect: only MQTT 5.0 has topic aliases: use MQTT5Client
import MQTT

func configure() -> MQTT311Client.Configuration {
    var configuration = MQTT311Client.Configuration()
    configuration.outboundTopicAliases = .automatic()
    return configuration
}
