// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Expect: only MQTT 5.0 has requests and replies: use MQTT5Client
import MQTT

func request(_ client: MQTT311Client) async throws {
    _ = try await client.request("2+2", to: "services/calculator")
}
