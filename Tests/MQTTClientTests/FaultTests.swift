// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import MQTT

/// Rows of the table of faults that only the whole client shows; other suites have more of them, named alike.
@Suite(.timeLimit(.minutes(5)))
struct ClientFaultTests {
    private typealias Virtual = VirtualClient<V5>

    private static func connected(
        _ change: (inout MQTT5Client.Configuration) -> Void = { _ in }
    ) async throws -> (world: VirtualWorld, client: MQTT5Client, peer: ScriptedPeer, virtual: Virtual) {
        let world = VirtualWorld(version: .v5)
        let virtual = try await Virtual.connected(in: world) { configuration in
            configuration.cleanStart = .never
            configuration.sessionExpiry = nil
            configuration.reconnect.maximumDelay = .seconds(1)
            change(&configuration)
        }
        return (world, virtual.client, virtual.peer, virtual)
    }

    /// Every packet a server sends to a connected client.
    private static let serverPackets: [Packet] = {
        let words: Properties = [.reasonString("why not"), .userProperty(name: "a", value: "b")]
        let answer = Acknowledgement(packetID: .first, properties: words)
        return [
            .connAck(ConnAck(sessionPresent: true, properties: words)),
            .publish(Publish(topic: "a/b", payload: ByteBuffer(string: "cut"), properties: [.contentType("c")])),
            .publish(Publish(topic: "a/b", payload: ByteBuffer(string: "cut"), qos: .exactlyOnce, packetID: .first)),
            .pubAck(answer), .pubRec(answer), .pubRel(answer), .pubComp(answer),
            .subAck(SubAck(packetID: .first, reasons: [.success], properties: words)),
            .unsubAck(UnsubAck(packetID: .first, reasons: [.success], properties: words)),
            .pingResponse, .disconnect(Disconnect(reason: .sessionTakenOver, properties: words)),
        ]
    }()

    @Test(arguments: ClientFaultTests.serverPackets.indices)
    func `fault 1: a packet cut at any byte is dropped, and the session goes on`(index: Int) async throws {
        let packet = Self.serverPackets[index]
        let (world, client, first, virtual) = try await Self.connected { $0.resendLimit = 1_000 }
        var peer = first
        let messages = try await virtual.subscribe(to: "a/#", qos: .exactlyOnce)
        let receipt = try client.enqueue("kept", to: "k")
        var sent = try await peer.nextPublish()
        sent.duplicate = true
        let bytes = try peer.bytes(of: [packet])
        for count in 0..<bytes.readableBytes {
            try await peer.write(try #require(bytes.getSlice(at: 0, length: count)))
            try await world.cut(peer)
            #expect(!client.state.isConnected)
            peer = try await world.redial(sessionPresent: true)
            // Nothing of the packet was taken, and nothing else was lost.
            try await peer.expect(.publish(sent))
            try await peer.send(.publish(Publish(topic: "a/b", payload: ByteBuffer(string: "\(count)"))))
            #expect(try await messages.next()?.text == "\(count)")
        }
        try await peer.send(.pubAck(Acknowledgement(packetID: try #require(sent.packetID))))
        try await receipt.outcome()
        #expect(client.pendingCount == 0)
    }

    @Test func `fault 3: while the peer takes nothing memory stays bounded, and the keep-alive ends the connection`()
        async throws
    {
        let (world, client, peer, _) = try await Self.connected { configuration in
            configuration.pendingByteLimit = 4 << 20
            configuration.inFlightWindow = 4
        }
        peer.channel.isWritable = false
        let payload = ByteBuffer(repeating: 1, count: 256 << 10)
        let publishers = (0..<8).map { _ in
            Task { for _ in 0..<100 { try await client.publish(payload, to: "a") } }
        }
        try await until("every publisher waits") { client.callCount == publishers.count }
        var refused = 0
        for _ in 0..<64 {
            do throws(MQTTError) { try client.enqueue(payload, to: "b") } catch {
                #expect(error.code == .queueFull)
                refused += 1
            }
        }
        #expect(refused >= 48)
        let buffered = client.link.state.withLock { $0.outbox.count }
        // The window and the publishers with one message each.
        #expect(buffered < Link.highWater + (publishers.count + 4 + 1) * (257 << 10))
        var events = client.events.makeAsyncIterator()
        try await world.advance(by: .seconds(60))
        #expect(client.state.isConnected)
        try await world.advance(by: .seconds(10))
        guard case .disconnected(let error) = await events.next() else { throw UnexpectedPacket() }
        #expect(error.code == .connectionLost)
        for publisher in publishers {
            let ended = await #expect(throws: MQTTError.self) { try await publisher.value }
            #expect(ended?.code == .notConnected)
        }
        #expect(client.link.state.withLock { $0.outbox.count } == 0)
    }

    @Test func `fault 22: a granted QoS lower than asked for is there to see`() async throws {
        let (_, client, peer, _) = try await Self.connected()
        async let subscribing = client.subscribe(to: "a", "b", qos: .exactlyOnce)
        let subscribe = try await peer.nextSubscribe()
        try await peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.grantedQoS1, .grantedQoS0])))
        #expect(try await subscribing.reasons == [.grantedQoS1, .grantedQoS0])
    }

    @Test func `fault 25: a consumer that never reads costs bounded memory, and no keep-alive fails over it`()
        async throws
    {
        let (world, client, peer, virtual) = try await Self.connected { $0.memoryBudget = 200_000 }
        let messages = try await virtual.subscribe(to: "a", settings: SubscriptionSettings(bufferSize: 2))
        var events = client.events.makeAsyncIterator()
        let payload = ByteBuffer(repeating: 1, count: 1_000)
        let flood = [Packet](repeating: .publish(Publish(topic: "a", payload: payload)), count: 100)
        for round in 0..<5 {
            try await world.advance(by: .seconds(round == 0 ? 59 : 50))
            try await peer.expect(.pingRequest)
            // Behind much else, and yet in time.
            for _ in 0..<20 { try await peer.send(flood) }
            #expect(client.link.bufferedBytes.load(ordering: .relaxed) < 400_000)
            try await world.advance(by: .seconds(9))
            try await peer.send(.pingResponse)
        }
        #expect(client.state.isConnected)
        guard case .messagesDropped = await events.next() else { throw UnexpectedPacket() }
        #expect(try await messages.next() != nil)
    }

    @Test(arguments: [true, false])
    func `fault 37: what is behind the server's last packet in one read is discarded`(isBroken: Bool) async throws {
        let (_, client, peer, virtual) = try await Self.connected()
        let messages = try await virtual.subscribe(to: "a")
        let receipt = try client.enqueue("x", to: "b")
        let id = try #require(try await peer.nextPublish().packetID)
        var bytes = try peer.bytes(of: [.publish(Publish(topic: "a", payload: ByteBuffer(string: "before")))])
        let last: Packet = .disconnect(Disconnect(reason: .serverShuttingDown))
        bytes.writeImmutableBuffer(isBroken ? ByteBuffer(bytes: [0xF0 | 1, 0]) : try peer.bytes(of: [last]))
        let behind: [Packet] = [
            .publish(Publish(topic: "a", payload: ByteBuffer(string: "behind"))),
            .pubAck(Acknowledgement(packetID: id)),
        ]
        bytes.writeImmutableBuffer(try peer.bytes(of: behind))
        try await peer.write(bytes)
        #expect(try await messages.next()?.text == "before")
        #expect(!client.state.isConnected)
        #expect(!receipt.isComplete)
        #expect(messages.core.takeNext() == nil)
    }

    // MARK: - Attacks

    private struct Remains { weak var channel: NIOAsyncTestingChannel? }

    @Test func `attack leak: connections that begin badly leave nothing behind`() async throws {
        let world = VirtualWorld(version: .v5)
        var configuration = MQTT5Client.Configuration()
        configuration.retriesFirstAttempt = true
        configuration.reconnect.maximumDelay = .seconds(1)
        configuration.switchLoggingOff()
        let client = MQTT5Client(configuration: configuration, world: world, eventLoop: world.eventLoop)
        let connecting = Task { try await client.connect() }
        var random = SeededGenerator(state: 7)
        var remains: [Remains] = []
        for number in 0..<400 {
            let peer = await world.accept()
            _ = try await peer.next()
            remains.append(Remains(channel: peer.channel))
            // Most end at the first bytes; the rest is cut.
            var bytes = [UInt8](repeating: 0, count: Int.random(in: 1...64, using: &random))
            for index in bytes.indices { bytes[index] = UInt8.random(in: .min ... .max, using: &random) }
            if number.isMultiple(of: 3) { bytes = [0x20, 0x80 | bytes[0], 0x80, 0x80, 1] + bytes }
            try? await peer.write(ByteBuffer(bytes: bytes))
            try? await peer.cut()
            for _ in 0..<3 { try await world.settle() }
            try await world.advance(by: .seconds(1))
        }
        try await until("the channels have gone") { remains.count { $0.channel != nil } <= 3 }
        connecting.cancel()
        _ = await connecting.result
        #expect(client.leftovers == [])
    }

    @Test func `attack takeover: a storm of connections that replace one another loses and doubles nothing`()
        async throws
    {
        let (world, client, first, virtual) = try await Self.connected { configuration in
            configuration.reconnect.afterDisconnect[.sessionTakenOver] = .backOff
            configuration.resendLimit = 1_000
            configuration.switchLoggingOff()
        }
        let messages = try await virtual.subscribe(to: "a", qos: .exactlyOnce)
        let count = 300
        let publishing = Task {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in 0..<3 {
                    group.addTask {
                        for number in 0..<(count / 3) {
                            try await client.publish("\(worker) \(number)", to: "a", qos: .exactlyOnce)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
        var peer = first
        var seen: [PacketID: Publish] = [:]
        var taken: [String] = []
        for round in 0... {
            // Some steps of whatever is under way, then another client takes over.
            for _ in 0..<(1 + round % 9) where taken.count < count {
                let packet = try await peer.next()
                if case .publish(let publish) = packet, let id = publish.packetID { seen[id] = publish }
                if case .pubRel(let release) = packet, let publish = seen.removeValue(forKey: release.packetID) {
                    taken.append(String(buffer: publish.payload))
                }
                if let answer = ScriptedPeer.answer(to: packet) { try await peer.send(answer) }
            }
            guard taken.count < count else { break }
            try await peer.send(.disconnect(Disconnect(reason: .sessionTakenOver)))
            for _ in 0..<3 { try await world.settle() }
            peer = try await world.redial(sessionPresent: true)
        }
        let server = peer.serve()
        try await publishing.value
        #expect(Set(taken).count == count)
        #expect(taken.count == count)
        await virtual.client.disconnect()
        #expect(try await messages.next() == nil)
        server.cancel()
    }
}
