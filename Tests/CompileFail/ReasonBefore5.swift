// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Expect: only MQTT 5.0 sends a reason with DISCONNECT: use MQTT5Client
import MQTT

func leave(_ client: MQTT311Client) async throws {
    try await client.disconnect(reason: .disconnectWithWill)
}
