// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore
import Testing

@testable import MQTT

/// Limits that a broker has and does not announce, in the whole client on virtual time.
@Suite(.timeLimit(.minutes(5)))
struct LimitedBrokerTests {
    private static func connected<Version: MQTTVersion>(
        _ version: Version.Type,
        _ limits: BrokerLimits
    ) async throws -> (world: VirtualWorld, client: MQTTClient<Version>, peer: ScriptedPeer) {
        let world = VirtualWorld(version: Version.protocolVersion)
        let virtual = try await VirtualClient<Version>.connected(in: world) { $0.brokerLimits = limits }
        return (world, virtual.client, virtual.peer)
    }

    private static func code(_ body: () async throws -> Void) async -> MQTTError.Code? {
        await #expect(throws: MQTTError.self) { try await body() }?.code
    }

    @Test func `AWS IoT Core takes no QoS 2, no long or deep topic and no large payload`() async throws {
        let (_, client, peer) = try await Self.connected(V311.self, .awsIoTCore)
        let long = String(repeating: "x", count: 257)
        let deep = "1/2/3/4/5/6/7/8/9"
        let large = ByteBuffer(repeating: 0, count: 131_073)
        #expect(await Self.code { try await client.publish("x", to: "a", qos: .exactlyOnce) } == .notSupportedByServer)
        #expect(await Self.code { try await client.publish("x", to: long) } == .notSupportedByServer)
        #expect(await Self.code { try await client.publish("x", to: deep) } == .notSupportedByServer)
        #expect(await Self.code { try await client.publish(large, to: "a") } == .packetTooLarge)
        #expect(await Self.code { try client.enqueue(large, to: "a") } == .packetTooLarge)
        #expect(await Self.code { _ = try await client.subscribe(to: long) } == .notSupportedByServer)
        #expect(await Self.code { _ = try await client.subscribe(to: deep) } == .notSupportedByServer)
        #expect(client.leftovers == [])
        // At the limits everything goes, and is the first thing the server sees.
        let server = Task {
            let first = try await peer.nextPublish()
            #expect(first.payload.readableBytes == 131_072)
            let answering = peer.serve(.v311)
            if let answer = ScriptedPeer.answer(to: .publish(first)) { try await peer.send(answer) }
            return answering
        }
        let payload = ByteBuffer(repeating: 0, count: 131_072)
        let longest = "1/2/3/4/5/6/7/" + String(repeating: "x", count: 242)
        try await client.publish(payload, to: longest, qos: .atLeastOnce)
        let subscription = try await client.subscribe(to: longest, qos: .exactlyOnce)
        await subscription.unsubscribe()
        #expect(client.leftovers == [])
        try await server.value.cancel()
    }

    @Test func `filters go in the batches the broker takes, when subscribing and after a reconnect`() async throws {
        let (world, client, first) = try await Self.connected(V5.self, .awsIoTCore)
        let filters = (0..<20).map { "f/\($0)" }
        async let subscribing = client.subscribe(to: filters)
        func batches(_ peer: ScriptedPeer) async throws -> [Int] {
            var sizes: [Int] = []
            while sizes.reduce(0, +) < 20 {
                let subscribe = try await peer.nextSubscribe()
                sizes.append(subscribe.entries.count)
                try await peer.grant(subscribe)
            }
            return sizes
        }
        #expect(try await batches(first) == [8, 8, 4])
        let subscription = try await subscribing
        #expect(subscription.reasons.count == 20)
        try await world.cut(first)
        let second = try await world.redial()
        #expect(try await batches(second) == [8, 8, 4])
        withExtendedLifetime(subscription) {}
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce])
    func `publishing faster than the broker takes it waits and does not fail`(qos: QoS) async throws {
        var limits = BrokerLimits()
        limits.publishesPerSecond = 10
        let (world, client, peer) = try await Self.connected(V5.self, limits)
        let server = peer.serve()
        let total = 35
        let sent = Progress()
        let publishing = Task {
            for number in 0..<total {
                try await client.publish("\(number)", to: "a", qos: qos)
                sent.note()
            }
        }
        let begin = world.now
        while sent.count < total {
            try await until("a message waits for its turn, or all are done") {
                client.isWaitingForTurn || sent.count == total
            }
            // Never more than the bound in any second.
            let passed = Double(world.now.since(begin).components.seconds) + 1
            #expect(sent.count <= Int(passed) * 10)
            try await world.advance(by: .milliseconds(100))
        }
        try await publishing.value
        #expect(world.now.since(begin) >= .seconds(2))
        #expect(client.leftovers == [])
        server.cancel()
    }
}
