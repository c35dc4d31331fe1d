// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Expect: only MQTT 5.0 has enhanced authentication: use MQTT5Client
import MQTT

func configure(_ authenticator: any Authenticator) -> MQTT31Client.Configuration {
    var configuration = MQTT31Client.Configuration()
    configuration.authenticator = authenticator
    return configuration
}
