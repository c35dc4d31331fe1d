// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTTransport
import MQTTWire
import NIOCore
import Testing

/// The whole client behind a socket that reads as NIO's do.
@Suite(.timeLimit(.minutes(10)))
struct ReadBuffersTests {
    private static let roomy = SubscriptionSettings(bufferSize: 100_000)

    /// A client with a subscription to everything, over a virtual socket.
    private struct Setup {
        let virtual: VirtualClient<V5>
        let messages: MQTTSubscription
        let socket: VirtualSocket

        static func make() async throws -> Setup {
            let world = VirtualWorld(version: .v5, usesReadBuffers: true)
            let virtual = try await VirtualClient<V5>.connected(in: world) { $0.memoryBudget = 1 << 30 }
            let messages = try await virtual.subscribe(to: "#", settings: ReadBuffersTests.roomy)
            return Setup(virtual: virtual, messages: messages, socket: try #require(virtual.peer.socket))
        }

        func send(_ payloads: ByteBuffer...) async throws {
            try await self.virtual.peer.send(payloads.map { Packet.publish(Publish(topic: "t", payload: $0)) })
        }

        func take() async throws -> MQTTMessage {
            #expect(self.virtual.client.state.isConnected)
            return try #require(try await self.messages.next())
        }
    }

    private static func payload(_ count: Int, _ random: inout SeededGenerator) -> ByteBuffer {
        let seed = UInt8.random(in: .min ... .max, using: &random)
        return ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) ^ seed })
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6] as [UInt64])
    func `no byte is lost or changed, however much each read finds`(seed: UInt64) async throws {
        let setup = try await Setup.make()
        var random = SeededGenerator(state: seed)
        setup.socket.stutter(seed: seed)
        var kept: [(MQTTMessage, ByteBuffer)] = []
        for _ in 0..<60 {
            let sizes = (0..<Int.random(in: 1..<4, using: &random)).map { _ in
                Int.random(in: 0...(1 << Int.random(in: 0..<20, using: &random)), using: &random)
            }
            let payloads = sizes.map { Self.payload($0, &random) }
            try await setup.virtual.peer.send(payloads.map { Packet.publish(Publish(topic: "t", payload: $0)) })
            try #require(setup.virtual.client.state.isConnected)
            for payload in payloads {
                let message = try await setup.take()
                try #require(message.payload == payload)
                if Int.random(in: 0..<3, using: &random) == 0 { kept.append((message, payload)) }
            }
            if kept.count > 20 { kept.removeFirst(10) }
            for (message, payload) in kept { try #require(message.payload == payload) }
        }
        #expect(!setup.socket.isAtEnd)
    }

    @Test func `a beginning that was lost ends the connection, and is not gone on behind`() async throws {
        let setup = try await Setup.make()
        var random = SeededGenerator(state: 9)
        let payload = Self.payload(60_000, &random)
        // In a buffer that is larger than what comes, so that the channel does not read again at once.
        try await setup.send(Self.payload(30_000, &random), Self.payload(100_000, &random))
        var bytes = try setup.virtual.peer.bytes(of: [.publish(Publish(topic: "t", payload: payload))])
        try await setup.socket.arrive(try #require(bytes.readSlice(length: 1_000)))
        try await setup.socket.turnInVain()
        try await setup.socket.arrive(bytes)
        #expect(setup.socket.isAtEnd)
        #expect(setup.virtual.client.state.isConnected)
    }
}
