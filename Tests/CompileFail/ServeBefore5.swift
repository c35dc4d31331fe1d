// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// Expect: only MQTT 5.0 has requests and replies: use MQTT5Client
import MQTT

func serve(_ client: MQTT311Client) async throws {
    try await client.serve("services/calculator") { _ in MQTTReply("4") }
}
