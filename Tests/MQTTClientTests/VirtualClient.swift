// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTWire
import NIOCore

/// A client of the virtual world that is connected, and the server's end of its connection.
struct VirtualClient<Version: MQTTVersion>: Sendable {
    let client: MQTTClient<Version>
    let peer: ScriptedPeer

    /// Connects.
    static func connected(
        in world: VirtualWorld,
        _ change: (inout MQTTClient<Version>.Configuration) -> Void = { _ in }
    ) async throws -> VirtualClient {
        var configuration = MQTTClient<Version>.Configuration()
        configuration.clientID = "virtual"
        change(&configuration)
        let client = MQTTClient<Version>(configuration: configuration, world: world, eventLoop: world.eventLoop)
        async let connected = client.connect()
        let peer = await world.accept()
        // Without identifiers filters that overlap are asked for like any others, with one SUBSCRIBE.
        let isPlain = Version.protocolVersion != .v5
        try await peer.acceptConnect(properties: isPlain ? [] : [.subscriptionIdentifierAvailable(false)])
        _ = try await connected
        return VirtualClient(client: client, peer: peer)
    }

    /// Subscribes; the server grants what is asked for.
    func subscribe(
        to filters: String...,
        qos: QoS = .atMostOnce,
        settings: SubscriptionSettings = SubscriptionSettings()
    ) async throws -> MQTTSubscription {
        try await self.subscribe(to: filters, qos: qos, settings: settings)
    }

    /// Subscribes to a list of filters; the server grants what is asked for.
    func subscribe(
        to filters: [String],
        qos: QoS = .atMostOnce,
        settings: SubscriptionSettings = SubscriptionSettings()
    ) async throws -> MQTTSubscription {
        async let subscription = self.client.subscribe(to: filters, qos: qos, settings: settings)
        guard case .subscribe(let subscribe) = try await self.peer.next() else { throw UnexpectedPacket() }
        let reasons = subscribe.entries.map { ReasonCode(rawValue: $0.options.qos.rawValue) }
        try await self.peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: reasons)))
        return try await subscription
    }
}
