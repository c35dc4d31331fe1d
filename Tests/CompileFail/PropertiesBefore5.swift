// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Expect: only MQTT 5.0 has properties: use MQTT5Client
import MQTT

func publish(_ client: MQTT311Client) async throws {
    try await client.publish("22.5", to: "a", properties: [.contentType("text/plain")])
}
