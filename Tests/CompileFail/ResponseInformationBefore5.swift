// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Expect: only MQTT 5.0 has response information: use MQTT5Client
import MQTT

func configure() {
    var configuration = MQTT311Client.Configuration()
    configuration.requestResponseInformation = true
}
