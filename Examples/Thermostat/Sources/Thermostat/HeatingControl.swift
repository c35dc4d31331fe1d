// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTT

/// Switches the heating of a room by its temperature: a small program, for its tests.
public struct HeatingControl: Sendable {
    private let client: MQTT5Client
    private let room: String
    private let target: Double

    /// Controls the heating of a room; the client is connected by whoever made it.
    public init(_ client: MQTT5Client, room: String, target: Double) {
        self.client = client
        self.room = room
        self.target = target
    }

    /// How its client has to be set: its session outlives its connections, so no switching is lost.
    public static var configuration: MQTT5Client.Configuration {
        var configuration = MQTT5Client.Configuration()
        configuration.cleanStart = .firstOnly
        configuration.sessionExpiry = .seconds(3_600)
        configuration.reconnect = ReconnectPolicy(initialDelay: .milliseconds(10), maximumDelay: .seconds(30))
        return configuration
    }

    /// Runs until the client ends: each temperature that asks for another state of the heating switches it, once.
    public func run() async throws {
        let temperatures = try await self.client.subscribe(to: "\(self.room)/temperature", qos: .atLeastOnce)
        var isOn: Bool?
        for try await message in temperatures {
            // What is no temperature switches nothing.
            guard let temperature = message.text.flatMap({ Double($0) }) else { continue }
            let shallBeOn = temperature < self.target
            guard shallBeOn != isOn else { continue }
            try await self.client.publish(shallBeOn ? "on" : "off", to: "\(self.room)/heating", qos: .exactlyOnce)
            isOn = shallBeOn
        }
    }
}
