// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

@testable import MQTT

/// Receipts, and sequences of messages, over channels in memory.
@Suite(.timeLimit(.minutes(10)))
struct ReceiptTests {
    private static func connected(
        _ change: (inout MQTTClient<V5>.Configuration) -> Void = { _ in }
    ) async throws -> (client: MQTT5Client, peer: ScriptedPeer) {
        let virtual = try await VirtualClient<V5>.connected(in: VirtualWorld(version: .v5), change)
        return (virtual.client, virtual.peer)
    }

    private static func publish(_ peer: ScriptedPeer) async throws -> Publish {
        guard case .publish(let publish) = try await peer.next() else { throw UnexpectedPacket() }
        return publish
    }

    private static func nextID(_ peer: ScriptedPeer) async throws -> PacketID {
        try #require(try await Self.publish(peer).packetID)
    }

    @Test func `a thousand receipts end in the order of the acknowledgements, for whoever waits`() async throws {
        let (client, peer) = try await Self.connected()
        let receipts = try (0..<1_000).map { try client.enqueue($0, to: "a") }
        var ids: [PacketID] = []
        for _ in receipts { ids.append(try await Self.nextID(peer)) }
        // Two tasks for every third one, some of them in time, some too late to have to wait.
        let waiting = stride(from: 0, to: 2_000, by: 3).map { number in
            let receipt = receipts[number % 1_000]
            return Task { try await receipt.outcome() }
        }
        var order = Array(receipts.indices.shuffled())
        var done: Set<Int> = []
        while !order.isEmpty {
            let burst = order.suffix(Int.random(in: 1...40))
            order.removeLast(burst.count)
            let answers = burst.map { Packet.pubAck(Acknowledgement(packetID: ids[$0])) }
            try await peer.send(answers)
            done.formUnion(burst)
            for (index, receipt) in receipts.enumerated() where receipt.isComplete != done.contains(index) {
                Issue.record("receipt \(index) says \(receipt.isComplete)")
            }
        }
        for task in waiting { #expect(try await task.value == PublishOutcome()) }
        for receipt in receipts { #expect(try await receipt.outcome() == PublishOutcome()) }
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `many tasks wait for one receipt, others come too late to wait`(qos: QoS) async throws {
        let (client, peer) = try await Self.connected()
        let receipt = try client.enqueue("x", to: "a", qos: qos)
        let id = try await Self.nextID(peer)
        let tasks = (0..<50).map { _ in Task { try await receipt.outcome() } }
        if qos == .atLeastOnce {
            try await peer.send(.pubAck(Acknowledgement(packetID: id)))
        } else {
            try await peer.send(.pubRec(Acknowledgement(packetID: id)))
            try await peer.expect(.pubRel(Acknowledgement(packetID: id)))
            #expect(!receipt.isComplete)
            try await peer.send(.pubComp(Acknowledgement(packetID: id)))
        }
        for task in tasks { #expect(try await task.value.reason == .success) }
        #expect(receipt.isComplete)
        #expect(try await receipt.outcome().reason == .success)
    }

    @Test func `what the server says besides success reaches the receipt it is for`() async throws {
        let (client, peer) = try await Self.connected()
        let receipts = try (0..<4).map { try client.enqueue($0, to: "a") }
        var ids: [PacketID] = []
        for _ in receipts { ids.append(try await Self.nextID(peer)) }
        try await peer.send([
            .pubAck(Acknowledgement(packetID: ids[3])),
            .pubAck(Acknowledgement(packetID: ids[2], reason: .notAuthorized, properties: [.reasonString("no")])),
            .pubAck(Acknowledgement(packetID: ids[1], reason: .noMatchingSubscribers)),
            .pubAck(Acknowledgement(packetID: ids[0], properties: [.reasonString("yes")])),
        ])
        #expect(try await receipts[0].outcome().properties.reasonString == "yes")
        #expect(try await receipts[1].outcome().hasNoSubscribers)
        let error = await #expect(throws: MQTTError.self) { try await receipts[2].outcome() }
        #expect(error?.code == .publishRefused)
        #expect(error?.reason == .notAuthorized)
        #expect(try await receipts[3].outcome() == PublishOutcome())
    }

    @Test func `a refused message has no receipt, and the next receipt is not mixed up with it`() async throws {
        let (client, peer) = try await Self.connected { $0.pendingMessageLimit = 1 }
        let first = try client.enqueue("1", to: "a")
        #expect(throws: MQTTError.self) { try client.enqueue("2", to: "a") }
        try await peer.send(.pubAck(Acknowledgement(packetID: try await Self.nextID(peer))))
        #expect(try await first.outcome() == PublishOutcome())
        let third = try client.enqueue("3", to: "a")
        #expect(!third.isComplete)
        try await peer.send(.pubAck(Acknowledgement(packetID: try await Self.nextID(peer))))
        #expect(try await third.outcome() == PublishOutcome())
    }

    @Test func `disconnecting ends every receipt, each in its way`() async throws {
        let (client, peer) = try await Self.connected { $0.inFlightWindow = 100 }
        let receipts = try (0..<200).map { try client.enqueue($0, to: "a") }
        let id = try await Self.nextID(peer)
        try await peer.send(.pubAck(Acknowledgement(packetID: id)))
        let tasks = receipts.map { receipt in Task { try await receipt.outcome() } }
        await client.disconnect()
        var codes: [MQTTError.Code: Int] = [:]
        var successes = 0
        for (task, receipt) in zip(tasks, receipts) {
            do {
                _ = try await task.value
                successes += 1
            } catch {
                codes[try #require(error as? MQTTError).code, default: 0] += 1
            }
            #expect(receipt.isComplete)
        }
        #expect(successes == 1)
        // 101 were sent, one of them acknowledged; the others never left.
        #expect(codes == [.outcomeUnknown: 100, .clientClosed: 99])
    }

    @Test func `letting go of the client ends its receipts`() async throws {
        var pair: (client: MQTT5Client, peer: ScriptedPeer)? = try await Self.connected()
        let receipt = try #require(try pair?.client.enqueue("x", to: "a"))
        pair = nil
        await #expect(throws: MQTTError.self) { try await receipt.outcome() }
    }

    @Test func `blocks of receipts go when their receipts have ended, however long one of them stays`() {
        var pending = PendingReceipts()
        weak var lost: ReceiptBlock?
        var kept: [OperationID] = []
        do {
            let (oldest, oldestOperation) = pending.make()
            kept.append(oldestOperation)
            var middle: ReceiptBlock?
            for number in 1..<200_000 {
                let (_, operation) = pending.make()
                if number == 100 { kept.append(operation) } else { pending.succeeded(operation) }
                if number % 50 == 0 {
                    let ended = pending.takeEnded()
                    if number == 1_000 { middle = ended.first?.block }
                    for item in ended { item.block.succeed(item.bits) }
                }
            }
            for item in pending.takeEnded() { item.block.succeed(item.bits) }
            lost = middle
            middle = nil
            #expect(!oldest.isComplete)
        }
        #expect(lost == nil)
        for operation in kept {
            #expect(pending.take(operation) != nil)
            #expect(pending.take(operation) == nil)
        }
    }

    @Test func `a waiter is never lost against the end of its receipt`() async {
        for _ in 0..<2_000 {
            let block = ReceiptBlock()
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<4 as Range<UInt64> { group.addTask { await block.wait(1 << (index / 2)) } }
                group.addTask { block.succeed(0b11) }
            }
        }
    }
}
