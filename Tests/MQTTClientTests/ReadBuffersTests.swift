// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTWire
import NIOCore
import Testing

@testable import MQTTTransport

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

    @Test func `a buffer is used again when nobody holds its messages, and not before`() async throws {
        let setup = try await Setup.make()
        var random = SeededGenerator(state: 10)
        // A channel keeps its first buffers; the sizes settle.
        for _ in 0..<8 {
            try await setup.send(Self.payload(1_500, &random))
            _ = try await setup.take()
        }
        var before = setup.socket.reads.count
        for _ in 0..<20 {
            try await setup.send(Self.payload(1_500, &random))
            _ = try await setup.take()
        }
        let reused = setup.socket.reads[before...].map(\.address)
        #expect(reused.count == 20)
        #expect(Set(reused).count <= 2)

        before = setup.socket.reads.count
        var kept: [(message: MQTTMessage, payload: ByteBuffer)] = []
        for _ in 0..<20 {
            let payload = Self.payload(1_500, &random)
            try await setup.send(payload)
            kept.append((try await setup.take(), payload))
        }
        let held = setup.socket.reads[before...].map(\.address)
        #expect(Set(held).count == 20)
        for _ in 0..<100 {
            try await setup.send(ByteBuffer(repeating: 0xEE, count: 1_500))
            let address = try #require(setup.socket.reads.last?.address)
            #expect(!held.contains(address))
            _ = try await setup.take()
        }
        for (message, payload) in kept { #expect(message.payload == payload) }
    }

    @Test func `a small message that is kept does not keep the buffer it was read into`() async throws {
        let setup = try await Setup.make()
        var random = SeededGenerator(state: 11)
        for _ in 0..<8 {
            try await setup.send(Self.payload(1_500, &random))
            _ = try await setup.take()
        }
        let before = setup.socket.reads.count
        var kept: [MQTTMessage] = []
        for _ in 0..<20 {
            try await setup.send(Self.payload(100, &random))
            kept.append(try await setup.take())
        }
        #expect(Set(setup.socket.reads[before...].map(\.address)).count <= 2)
        #expect(kept.allSatisfy { $0.payload.storageCapacity <= 256 })
    }

    @Test func `a message of some size that is kept does not keep the memory of a larger one`() async throws {
        let setup = try await Setup.make()
        var random = SeededGenerator(state: 12)
        var kept: [MQTTMessage] = []
        for _ in 0..<6 {
            try await setup.send(Self.payload(3 << 20, &random))
            _ = try await setup.take()
            try await setup.send(Self.payload(150_000, &random))
            kept.append(try await setup.take())
        }
        #expect(kept.allSatisfy { $0.payload.storageCapacity <= 2 * 150_000 })
    }

    @Test func `the memory of large messages is used again`() async throws {
        let setup = try await Setup.make()
        var random = SeededGenerator(state: 13)
        var addresses: [UInt] = []
        for _ in 0..<12 {
            let payload = Self.payload(1 << 20, &random)
            try await setup.send(payload)
            let message = try await setup.take()
            #expect(message.payload == payload)
            addresses.append(message.payload.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) })
        }
        #expect(Set(addresses.suffix(6)).count <= 2)
    }

    @Test func `reads grow under load and shrink when little comes`() async throws {
        let setup = try await Setup.make()
        var random = SeededGenerator(state: 14)
        #expect(setup.socket.reads.allSatisfy { $0.room == 512 })
        let small = (0..<2_000).map { _ in Self.payload(100, &random) }
        for _ in 0..<2 {
            try await setup.virtual.peer.send(small.map { Packet.publish(Publish(topic: "t", payload: $0)) })
        }
        #expect(setup.socket.reads.map(\.room).max() == 65_536)
        for _ in 0..<300 { try await setup.send(ByteBuffer()) }
        #expect(setup.socket.reads.last?.room ?? 0 <= 4_096)
        for payload in small {
            let message = try await setup.take()
            #expect(message.payload == payload)
        }
    }
}

/// The pool by itself.
@Suite struct ReadBuffersPoolTests {
    private static let largest = 8 << 20

    /// A buffer of a frame of this size, as it comes back.
    private func read(_ size: Int, from buffers: ReadBuffers) -> ByteBuffer {
        buffers.goOn(in: ByteBuffer(repeating: 1, count: 10), roomFor: size)
        var buffer = buffers.buffer(allocator: ByteBufferAllocator())
        #expect(buffer.capacity >= size)
        #expect(buffer.readableBytes == 10)
        buffer.writeRepeatingByte(2, count: size - 10)
        _ = buffers.record(actualReadBytes: size - 10)
        return buffer
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `what is kept for later is bounded, whatever sizes come`(seed: UInt64) {
        let buffers = ReadBuffers()
        var random = SeededGenerator(state: seed)
        var held: [ByteBuffer] = []
        for _ in 0..<100 {
            let size = Int.random(in: 32_768...(1 << Int.random(in: 16..<24, using: &random)), using: &random)
            let buffer = self.read(size, from: buffers)
            // Fresh memory comes in powers of two.
            #expect(buffer.storageCapacity < 2 * max(size, 1))
            if Bool.random(using: &random) { held.append(buffer) }
            if held.count > 5 { held.removeAll() }
            buffers.takeBack(buffer)
            #expect(buffers.keptBytes <= Self.largest + 96 * 131_072)
        }
    }

    @Test func `a quiet connection keeps no large buffers`() {
        let buffers = ReadBuffers()
        for _ in 0..<4 { buffers.takeBack(self.read(1 << 20, from: buffers)) }
        #expect(buffers.keptBytes >= 1 << 20)
        for _ in 0..<1_000 {
            let buffer = buffers.buffer(allocator: ByteBufferAllocator())
            _ = buffers.record(actualReadBytes: 2)
            buffers.takeBack(buffer)
        }
        #expect(buffers.keptBytes <= 16_384)
    }
}
