// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

let url = CommandLine.arguments.dropFirst().first ?? "mqtt://localhost"
try await MQTT5Client.withClient(to: Endpoint(url: url)) { client in
    try await client.subscribe(to: "sensors/#", qos: .atLeastOnce) { messages in
        try await client.publish("22.5", to: "sensors/temp", qos: .atLeastOnce)
        for try await message in messages {
            print(message.topic, message.text ?? "binary")
            break
        }
    }
}
