// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Expect: only MQTT 5.0 has subscribe options: use MQTT5Client
import MQTT

func subscribe(_ client: MQTT311Client) async throws {
    _ = try await client.subscribe(to: "a", options: SubscribeOptions(noLocal: true))
}
