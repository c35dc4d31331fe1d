// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTWire
import NIOCore
import Synchronization
import Testing

/// `publish(contentsOf:)` and the outbox, over channels in memory.
@Suite(.timeLimit(.minutes(10)))
struct SequenceTests {
    private static func connected(
        _ change: (inout MQTTClient<V5>.Configuration) -> Void = { _ in }
    ) async throws -> (client: MQTT5Client, peer: ScriptedPeer) {
        let virtual = try await VirtualClient<V5>.connected(in: VirtualWorld(version: .v5)) { configuration in
            configuration.inFlightWindow = 50
            change(&configuration)
        }
        return (virtual.client, virtual.peer)
    }

    /// Takes so many messages and acknowledges them in bursts, the youngest first.
    private static func serve(
        _ peer: ScriptedPeer,
        _ count: Int,
        check: (Int, Publish) throws -> Void
    ) async throws {
        var owed: [Packet] = []
        for number in 0..<count {
            guard case .publish(let publish) = try await peer.next() else { throw UnexpectedPacket() }
            try check(number, publish)
            if let id = publish.packetID { owed.append(.pubAck(Acknowledgement(packetID: id))) }
            if owed.count == 50 || number == count - 1 {
                try await peer.send(Array(owed.reversed()))
                owed = []
            }
        }
    }

    @Test func `a sequence arrives in the order of each QoS, and is counted when all of it was taken`() async throws {
        let (client, peer) = try await Self.connected()
        let count = 5_000
        async let taken = client.publish(
            contentsOf: (0..<count).lazy.map {
                OutgoingMessage(
                    topic: "a",
                    payload: ByteBuffer(integer: $0),
                    qos: $0 % 3 == 0 ? .atMostOnce : .atLeastOnce
                )
            }
        )
        var came: [QoS: [Int]] = [:]
        try await Self.serve(peer, count) { _, publish in
            came[publish.qos, default: []].append(try #require(publish.payload.getInteger(at: 0)))
        }
        #expect(came[.atMostOnce] == Array(stride(from: 0, to: count, by: 3)))
        #expect(came[.atLeastOnce] == (0..<count).filter { $0 % 3 != 0 })
        #expect(try await taken == count)
    }

    @Test func `large and small messages keep their order and their bytes`() async throws {
        let (client, peer) = try await Self.connected()
        let sizes = (0..<300).map { [0, 1, 500, 16_383, 16_384, 40_000][($0 * 7 + $0 / 5) % 6] }
        let messages = sizes.enumerated().map { index, size in
            let payload = ByteBuffer(repeating: UInt8(truncatingIfNeeded: index), count: size)
            return OutgoingMessage(topic: "a/\(index)", payload: payload, qos: .atLeastOnce)
        }
        async let taken = client.publish(contentsOf: messages)
        try await Self.serve(peer, messages.count) { number, publish in
            #expect(publish.topic == messages[number].topic)
            #expect(publish.payload == messages[number].payload)
        }
        #expect(try await taken == messages.count)
    }

    @Test func `a sequence of large messages stays within the bound of waiting bytes`() async throws {
        let (client, peer) = try await Self.connected { $0.pendingByteLimit = 12 << 20 }
        let message = OutgoingMessage(topic: "a", payload: ByteBuffer(repeating: 1, count: 1 << 20), qos: .atLeastOnce)
        async let taken = client.publish(contentsOf: repeatElement(message, count: 40))
        for _ in 0..<40 {
            try await Self.serve(peer, 1) { _, publish in
                #expect(publish.payload.readableBytes == 1 << 20)
            }
        }
        #expect(try await taken == 40)
    }

    @Test func `the first refusal ends a sequence, and nothing more is taken from it`() async throws {
        let (client, peer) = try await Self.connected()
        let given = Counter()
        async let taken = client.publish(
            contentsOf: (0..<100_000).lazy.map { number in
                given.value.add(1, ordering: .relaxed)
                return OutgoingMessage(topic: "a", payload: ByteBuffer(integer: number), qos: .atLeastOnce)
            }
        )
        // The third message is refused; those under way are taken.
        let server = Task {
            var served = 0
            while case .publish(let publish) = try await peer.next() {
                guard let id = publish.packetID else { continue }
                served += 1
                try await peer.send(
                    .pubAck(Acknowledgement(packetID: id, reason: served == 3 ? .quotaExceeded : .success))
                )
            }
        }
        do {
            _ = try await taken
            Issue.record("a refused message was counted as taken")
        } catch {
            #expect((error as? MQTTError)?.code == .publishRefused)
        }
        #expect(given.value.load(ordering: .relaxed) < 2_000)
        server.cancel()
        await client.disconnect()
        _ = try? await server.value
    }

    @Test func `a cancelled sequence ends at once, and its messages under way harm nobody`() async throws {
        let (client, peer) = try await Self.connected()
        let message = OutgoingMessage(topic: "a", payload: ByteBuffer(string: "x"), qos: .atLeastOnce)
        let task = Task { try await client.publish(contentsOf: repeatElement(message, count: 1_000_000)) }
        guard case .publish(let first) = try await peer.next() else { throw UnexpectedPacket() }
        task.cancel()
        await #expect(throws: MQTTError.self) { try await task.value }
        // A second sequence, while the first one's messages are still acknowledged.
        async let taken = client.publish(contentsOf: repeatElement(message, count: 100))
        let server = Task {
            try await peer.send(.pubAck(Acknowledgement(packetID: try #require(first.packetID))))
            while case .publish(let publish) = try await peer.next() {
                try await peer.send(.pubAck(Acknowledgement(packetID: try #require(publish.packetID))))
            }
        }
        #expect(try await taken == 100)
        await client.disconnect()
        _ = try? await server.value
    }

    @Test func `a flood of QoS 0 messages arrives whole and in order`() async throws {
        let (client, peer) = try await Self.connected()
        let flood = Task {
            for number in 0..<20_000 { try await client.publish(ByteBuffer(integer: number), to: "a") }
        }
        for number in 0..<20_000 {
            guard case .publish(let publish) = try await peer.next() else { throw UnexpectedPacket() }
            #expect(publish.payload == ByteBuffer(integer: number))
        }
        try await flood.value
    }
}

private final class Counter: Sendable {
    let value = Atomic<Int>(0)
}
