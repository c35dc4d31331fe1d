// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Expect: only MQTT 5.0 has enhanced authentication: use MQTT5Client
import MQTT

func reauthenticate(_ client: MQTT311Client) async throws {
    try await client.reauthenticate()
}
