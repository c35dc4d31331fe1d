// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import NIOCore
import Testing

@testable import MQTT

@Suite struct MessageQueueTests {
    /// A message: which run, which number there.
    private struct Place: Equatable {
        var run: ObjectIdentifier
        var index: Int
    }

    private func runs(_ count: Int, of size: Int) throws -> [MessageRun] {
        let world = VirtualWorld(version: .v5)
        let client = MQTT5Client(configuration: .init(), world: world, eventLoop: world.eventLoop)
        let core = client.link.makeSubscription([], SubscriptionSettings())
        var bytes = ByteBuffer()
        for _ in 0..<size {
            try PacketEncoder(version: .v5).encode(.publish(Publish(topic: "t", payload: ByteBuffer())), into: &bytes)
        }
        var bursts: [PacketBurst] = []
        var decoder = PacketDecoder(version: .v5, role: .client)
        try decoder.decode(bytes, into: &bursts)
        let burst = try #require(bursts.first)
        return (0..<count).map { _ in
            let entries = burst.entries.map { MessageRun.Entry($0, filter: 0, source: 0, token: nil) }
            return MessageRun(entries, of: burst, for: [core], at: Instant(nanoseconds: 0))
        }
    }

    private func check(_ queue: MessageQueue, _ model: [Place]) {
        #expect(queue.count == model.count)
        #expect(queue.isEmpty == model.isEmpty)
        var places: [Place] = []
        queue.forEachRun { run, range in
            places += range.map { Place(run: ObjectIdentifier(run), index: $0) }
        }
        #expect(places == model)
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func `a queue of runs is a list of messages`(seed: UInt64) throws {
        var random = SeededGenerator(state: seed)
        let runs = try self.runs(5, of: 20)
        var queue = MessageQueue()
        var model: [Place] = []
        // Where the next piece of each run begins: pieces of a run come in order, with gaps.
        var next = [Int](repeating: 0, count: runs.count)
        for _ in 0..<3_000 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0:
                queue.removeAll()
                model = []
            case 1..<10:
                let number = Int.random(in: 0..<runs.count, using: &random)
                if next[number] >= 20 { next[number] = 0 }
                let start =
                    Bool.random(using: &random) ? next[number] : Int.random(in: next[number]..<20, using: &random)
                let end = Int.random(in: start...min(20, start + 4), using: &random)
                next[number] = end
                queue.append(runs[number], start..<end)
                model += (start..<end).map { Place(run: ObjectIdentifier(runs[number]), index: $0) }
            default:
                let popped = queue.popFirst().map { Place(run: ObjectIdentifier($0.run), index: $0.index) }
                #expect(popped == (model.isEmpty ? nil : model.removeFirst()))
            }
            self.check(queue, model)
        }
    }

    @Test func `a queue that is empty again holds no run`() throws {
        var queue = MessageQueue()
        weak var run: MessageRun?
        do {
            let made = try self.runs(1, of: 3)
            run = made.first
            queue.append(made[0], 0..<1)
            queue.append(made[0], 1..<3)
        }
        #expect(run != nil)
        for _ in 0..<3 { _ = queue.popFirst() }
        #expect(run == nil)
        #expect(queue.popFirst() == nil)
    }
}
