// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

// What has to compile, so that the cases beside it fail for their own reason and no other.
import MQTT

func publish(_ client: MQTT5Client) async throws {
    try await client.publish("22.5", to: "a", properties: [.contentType("text/plain")])
    try client.enqueue(22.5, to: "a", properties: [.contentType("text/plain")])
    _ = try await client.subscribe(to: "a", options: SubscribeOptions(noLocal: true))
    try await client.subscribe(to: "a", options: SubscribeOptions(noLocal: true)) { messages in
        for try await message in messages { print(message.payload.readableBytes, message.properties) }
    }
    try await client.reauthenticate()
    _ = try await client.request("2+2", to: "a", properties: [.contentType("text/plain")])
    _ = try await client.request(to: "a", qos: .atLeastOnce, timeout: .seconds(1))
    try await client.serve("a") { request in MQTTReply(request.text ?? "") }
    try await client.disconnect(reason: .disconnectWithWill)
}

func configure(_ authenticator: any Authenticator) {
    var five = MQTT5Client.Configuration()
    five.authenticator = authenticator
    five.sessionExpiry = .seconds(60)
    five.requestResponseInformation = true
    five.requests = RequestSettings(pendingLimit: 10)
    five.willProperties = [.willDelayInterval(5)]
    var three = MQTT311Client.Configuration()
    three.cleanSession = false
}

@MainActor func fromAnActor(_ client: MQTT311Client) async throws {
    var seen = 0
    try await client.subscribe(to: "a", "b", qos: .exactlyOnce) { messages in
        try await client.publish([1, 2, 3], to: "a")
        for try await message in messages {
            seen += message.text?.count ?? 0
            break
        }
    }
}
