// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MQTTWire
import NIOCore
import Testing

/// What a full buffer does with runs that are larger than it is, and that every message is acknowledged, in order.
@Suite(.timeLimit(.minutes(10)))
struct BufferPolicyTests {
    /// How many messages the buffer takes, and how many come in each burst.
    struct Load: Sendable, CustomTestStringConvertible {
        var size: Int
        var runs: [Int]

        var testDescription: String { "\(self.size) for \(self.runs)" }

        var total: Int { self.runs.reduce(0, +) }

        static let all = [
            Load(size: 1, runs: [5]),
            Load(size: 3, runs: [10]),
            Load(size: 3, runs: [2, 1, 1]),
            Load(size: 3, runs: [2, 7, 1]),
            Load(size: 10, runs: [10, 10, 35]),
            Load(size: 100, runs: [1, 250, 99]),
        ]
    }

    private typealias Virtual = VirtualClient<V5>

    private static func message(_ number: Int, to topic: String = "a/b") -> Packet {
        let id = PacketID.first.advanced(by: number)
        return .publish(
            Publish(topic: topic, payload: ByteBuffer(string: "\(number)"), qos: .atLeastOnce, packetID: id)
        )
    }

    private static func acknowledgement(_ number: Int) -> Packet {
        .pubAck(Acknowledgement(packetID: PacketID.first.advanced(by: number)))
    }

    private func start(_ policy: BufferPolicy, _ load: Load) async throws -> (Virtual, MQTTSubscription) {
        let virtual = try await Virtual.connected(in: VirtualWorld(version: .v5))
        let settings = SubscriptionSettings(bufferSize: load.size, bufferPolicy: policy)
        let messages = try await virtual.subscribe(to: "a/+", qos: .atLeastOnce, settings: settings)
        return (virtual, messages)
    }

    private func send(_ load: Load, _ virtual: Virtual) async throws {
        var next = 0
        for run in load.runs {
            try await virtual.peer.send((next..<next + run).map { Self.message($0) })
            next += run
        }
    }

    private func expectAcknowledgements(_ range: Range<Int>, _ virtual: Virtual) async throws {
        for number in range { try await virtual.peer.expect(Self.acknowledgement(number)) }
    }

    private func take(_ count: Int, of messages: MQTTSubscription, inBatches: Bool) async throws -> [String] {
        var taken: [String] = []
        var batches = messages.batches.makeAsyncIterator()
        while taken.count < count {
            if inBatches {
                taken += try #require(try await batches.next()).compactMap(\.text)
            } else {
                taken.append(try #require(try await messages.next()?.text))
            }
        }
        return taken
    }

    @Test(arguments: Load.all, [false, true])
    func `suspend keeps everything`(load: Load, inBatches: Bool) async throws {
        let (virtual, messages) = try await self.start(.suspend, load)
        try await self.send(load, virtual)
        let taken = try await self.take(load.total, of: messages, inBatches: inBatches)
        #expect(taken == (0..<load.total).map { "\($0)" })
        try await self.expectAcknowledgements(0..<load.total, virtual)
    }

    @Test(arguments: Load.all, [false, true])
    func `dropping the oldest keeps the last`(load: Load, inBatches: Bool) async throws {
        let (virtual, messages) = try await self.start(.dropOldest, load)
        var events = virtual.client.events.makeAsyncIterator()
        try await self.send(load, virtual)
        let kept = max(0, load.total - load.size)..<load.total
        try await self.expectAcknowledgements(0..<kept.lowerBound, virtual)
        #expect(try await self.take(kept.count, of: messages, inBatches: inBatches) == kept.map { "\($0)" })
        try await self.expectAcknowledgements(kept, virtual)
        var told = 0
        while told < kept.lowerBound {
            guard case .messagesDropped(let count, "a/+") = await events.next() else { continue }
            told += count
        }
        #expect(told == kept.lowerBound)
    }

    @Test(arguments: Load.all, [false, true])
    func `dropping the newest keeps the first`(load: Load, inBatches: Bool) async throws {
        let (virtual, messages) = try await self.start(.dropNewest, load)
        var events = virtual.client.events.makeAsyncIterator()
        try await self.send(load, virtual)
        let kept = min(load.size, load.total)
        #expect(try await self.take(kept, of: messages, inBatches: inBatches) == (0..<kept).map { "\($0)" })
        // Those that were dropped had to wait for the first.
        try await self.expectAcknowledgements(0..<load.total, virtual)
        var told = 0
        while told < load.total - kept {
            guard case .messagesDropped(let count, "a/+") = await events.next() else { continue }
            told += count
        }
        #expect(told == load.total - kept)
        // The buffer has room again.
        try await virtual.peer.send(Self.message(load.total))
        #expect(try await messages.next()?.text == "\(load.total)")
        try await self.expectAcknowledgements(load.total..<load.total + 1, virtual)
    }

    @Test(arguments: Load.all)
    func `failing ends the subscription behind the first`(load: Load) async throws {
        let (virtual, messages) = try await self.start(.fail, load)
        try await self.send(load, virtual)
        let kept = min(load.size, load.total)
        #expect(try await self.take(kept, of: messages, inBatches: false) == (0..<kept).map { "\($0)" })
        guard load.total > load.size else { return try await self.expectAcknowledgements(0..<load.total, virtual) }
        let error = await #expect(throws: MQTTError.self) { try await messages.next() }
        #expect(error?.code == .bufferOverflow)
        guard case .unsubscribe(let unsubscribe) = try await virtual.peer.next() else { throw UnexpectedPacket() }
        #expect(unsubscribe.filters == ["a/+"])
        try await self.expectAcknowledgements(0..<load.total, virtual)
        // Nothing else has ended.
        #expect(virtual.client.state.isConnected)
    }

    @Test(.sends("5:MQTT-4.5.0-2")) func `messages in the buffer of a subscription that ends are acknowledged`()
        async throws
    {
        let load = Load(size: 10, runs: [6])
        let (virtual, messages) = try await self.start(.suspend, load)
        try await self.send(load, virtual)
        _ = try await messages.next()
        try await self.expectAcknowledgements(0..<1, virtual)
        async let gone = messages.unsubscribe()
        guard case .unsubscribe(let unsubscribe) = try await virtual.peer.next() else { throw UnexpectedPacket() }
        try await virtual.peer.send(.unsubAck(UnsubAck(packetID: unsubscribe.packetID, reasons: [.success])))
        _ = await gone
        try await self.expectAcknowledgements(1..<6, virtual)
        #expect(try await messages.next() == nil)
    }

    @Test func `memory over the budget loses messages of QoS 0 only`() async throws {
        let virtual = try await Virtual.connected(in: VirtualWorld(version: .v5)) { $0.memoryBudget = 250_000 }
        let settings = SubscriptionSettings(bufferSize: 2)
        let messages = try await virtual.subscribe(to: "a", qos: .atLeastOnce, settings: settings)
        let payload = ByteBuffer(repeating: 0, count: 100_000)
        let plain = Packet.publish(Publish(topic: "a", payload: payload))
        // Each burst is over the limit of the buffer; the third finds the budget spent.
        try await virtual.peer.send(plain, plain)
        try await virtual.peer.send(plain)
        let kept = Packet.publish(Publish(topic: "a", payload: ByteBuffer(), qos: .atLeastOnce, packetID: .first))
        try await virtual.peer.send(plain, kept, plain, plain)
        var sizes: [Int] = []
        while sizes.count < 4 { sizes.append(try #require(try await messages.next()).payload.readableBytes) }
        #expect(sizes == [100_000, 100_000, 100_000, 0])
        try await virtual.peer.expect(Self.acknowledgement(0))
        try await virtual.peer.send(.publish(Publish(topic: "a", payload: ByteBuffer(string: "room again"))))
        #expect(try await messages.next()?.text == "room again")
    }
}
