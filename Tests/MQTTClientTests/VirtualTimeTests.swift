// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MQTTEngine
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

/// The whole client, over channels in memory, in virtual time.
@Suite(.timeLimit(.minutes(10)))
struct VirtualTimeTests {
    private static func client<Version>(
        _ type: MQTTClient<Version>.Type,
        _ world: VirtualWorld,
        _ change: (inout MQTTClient<Version>.Configuration) -> Void = { _ in }
    ) -> MQTTClient<Version> {
        var configuration = MQTTClient<Version>.Configuration()
        configuration.clientID = "virtual"
        change(&configuration)
        return MQTTClient<Version>(configuration: configuration, world: world, eventLoop: world.eventLoop)
    }

    @Test(.sends("5:MQTT-3.1.2-20", "5:MQTT-3.3.1-1"), .receives("U5-3.1.2.10-1"))
    func `an hour of silence, a dead peer and a reconnect pass without a real second`() async throws {
        let world = VirtualWorld(version: .v5)
        let client = Self.client(MQTT5Client.self, world) { configuration in
            configuration.cleanStart = .never
            configuration.sessionExpiry = .seconds(3_600)
        }
        async let connected = client.connect()
        var peer = await world.accept()
        try await peer.acceptConnect()
        #expect(try await connected.sessionPresent == false)

        async let subscription = client.subscribe(to: "a/#", qos: .atLeastOnce)
        guard case .subscribe(let subscribe) = try await peer.next() else { throw UnexpectedPacket() }
        try await peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.grantedQoS1])))
        let messages = try await subscription

        // A keep-alive of 60 seconds pings a second early.
        for _ in 0..<61 {
            try await world.advance(by: .seconds(59))
            try await peer.expect(.pingRequest)
            try await peer.send(.pingResponse)
        }

        let receipt = try client.enqueue("1", to: "a/b")
        guard case .publish(let first) = try await peer.next() else { throw UnexpectedPacket() }
        // The ping stays without an answer: the peer is declared lost, and the client dials again.
        try await world.advance(by: .seconds(59))
        try await peer.expect(.pingRequest)
        try await world.advance(by: .seconds(20))
        peer = await world.accept()
        try await peer.acceptConnect(sessionPresent: true)

        var again = first
        again.duplicate = true
        try await peer.expect(.publish(again))
        let id = try #require(again.packetID)
        try await peer.send(
            .pubAck(Acknowledgement(packetID: id)),
            .publish(Publish(topic: "a/c", payload: ByteBuffer(string: "2"), qos: .atLeastOnce, packetID: .first))
        )
        try await receipt.outcome()
        #expect(try await messages.next()?.text == "2")
        try await peer.expect(.pubAck(Acknowledgement(packetID: .first)))

        async let gone: Void = client.disconnect()
        try await peer.expect(.disconnect(Disconnect()))
        await gone
        #expect(try await messages.next() == nil)
    }

    @Test func `waits between attempts grow, and the events tell of each`() async throws {
        let world = VirtualWorld(version: .v311)
        let client = Self.client(MQTT311Client.self, world) { $0.retriesFirstAttempt = true }
        world.refuse(3)
        var events = client.events.makeAsyncIterator()
        async let connected = client.connect()
        var waits: [Int] = []
        for _ in 0..<3 {
            guard case .disconnected(let error) = await events.next() else { throw UnexpectedPacket() }
            #expect(error.code == .transportFailed)
            guard case .reconnecting(let attempt, let wait) = await events.next() else { throw UnexpectedPacket() }
            waits.append(attempt)
            try await world.advance(by: wait)
        }
        #expect(waits == [1, 2, 3])
        let peer = await world.accept()
        try await peer.acceptConnect()
        _ = try await connected
        guard case .connected = await events.next() else { throw UnexpectedPacket() }
    }

    @Test(.receives("U5-3.2-1")) func `fault 7: a server that never answers CONNECT is given up in time`() async throws
    {
        let world = VirtualWorld(version: .v5)
        let client = Self.client(MQTT5Client.self, world) { $0.handshakeTimeout = .seconds(7) }
        async let connected = client.connect()
        let peer = await world.accept()
        _ = try await peer.next()
        try await world.advance(by: .seconds(7))
        do {
            _ = try await connected
            Issue.record("the client connected to a silent server")
        } catch {
            #expect((error as? MQTTError)?.code == .timedOut)
        }
    }

    @Test func `fault 25: a full subscription pauses reading at QoS 0, and a due answer starts it again`() async throws
    {
        let world = VirtualWorld(version: .v5)
        let client = Self.client(MQTT5Client.self, world)
        async let connected = client.connect()
        let peer = await world.accept()
        try await peer.acceptConnect()
        _ = try await connected
        let settings = SubscriptionSettings(bufferSize: 2)
        async let subscription = client.subscribe(to: "a", settings: settings)
        guard case .subscribe(let subscribe) = try await peer.next() else { throw UnexpectedPacket() }
        try await peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.success])))
        let messages = try await subscription

        let flood = Packet.publish(Publish(topic: "a", payload: ByteBuffer(string: "x")))
        try await peer.send(flood, flood, flood, flood)
        #expect(try await Self.isReading(peer) == false)
        let receipt = try client.enqueue("answer", to: "b")
        guard case .publish(let publish) = try await peer.next() else { throw UnexpectedPacket() }
        #expect(try await Self.isReading(peer) == true)
        let id = try #require(publish.packetID)
        try await peer.send(.pubAck(Acknowledgement(packetID: id)))
        try await receipt.outcome()
        #expect(try await Self.isReading(peer) == false)
        for _ in 0..<3 { _ = try await messages.next() }
        #expect(try await Self.isReading(peer) == true)
    }

    @Test func `messages that may not be dropped end the connection when they take twice the memory budget`()
        async throws
    {
        let world = VirtualWorld(version: .v5)
        let client = Self.client(MQTT5Client.self, world) { $0.memoryBudget = 50_000 }
        async let connected = client.connect()
        let peer = await world.accept()
        try await peer.acceptConnect()
        _ = try await connected
        async let subscription = client.subscribe(to: "a", qos: .atLeastOnce)
        guard case .subscribe(let subscribe) = try await peer.next() else { throw UnexpectedPacket() }
        try await peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.grantedQoS1])))
        let messages = try await subscription

        // One packet may be larger than the budget: it is taken all the same.
        let payload = ByteBuffer(repeating: 0, count: 140_000)
        let first = Publish(topic: "a", payload: payload, qos: .atLeastOnce, packetID: .first)
        let second = Publish(topic: "a", qos: .atLeastOnce, packetID: .first.next)
        try await peer.send(.publish(first))
        #expect(client.state.isConnected)
        try await peer.send(.publish(second))
        try await peer.expect(.disconnect(Disconnect(reason: .quotaExceeded)))
        // What was received stays the user's.
        #expect(try await messages.next()?.payload == payload)
    }

    @Test func `properties of CONNECT that have a setting of their own are refused before a byte is sent`() async {
        let twice: [Properties] = [
            [.sessionExpiryInterval(1)], [.receiveMaximum(1)], [.maximumPacketSize(9)], [.topicAliasMaximum(1)],
        ]
        for properties in twice {
            let client = Self.client(MQTT5Client.self, VirtualWorld(version: .v5)) { $0.connectProperties = properties }
            let error = await #expect(throws: MQTTError.self) { try await client.connect() }
            #expect(error?.code == .invalidArgument)
        }
    }

    /// What the client last asked of the channel; a channel reads until it is told not to.
    private static func isReading(_ peer: ScriptedPeer) async throws -> Bool {
        try await peer.channel.testingEventLoop.executeInContext {
            let option = peer.channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }
            return option?.value as? Bool ?? true
        }
    }
}
