// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import MQTTTransport

/// The frames of an open WebSocket, with every byte moved by hand.
@Suite(.timeLimit(.minutes(10))) struct WebSocketFrameTests {
    private let channel: EmbeddedChannel
    private let inbox = Inbox()

    init() throws {
        self.channel = EmbeddedChannel(handlers: [WebSocketHandler(endpoint: .webSocket("h")), self.inbox])
        try self.channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    /// A frame as servers send it.
    static func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let count = payload.count
        let length: [UInt8] =
            switch count {
            case ..<126: [UInt8(count)]
            case ..<65_536: [126, UInt8(count >> 8), UInt8(truncatingIfNeeded: count)]
            default: [127] + (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
            }
        return [first] + length + payload
    }

    private func receive(_ bytes: [UInt8]) throws { try self.channel.writeInbound(ByteBuffer(bytes: bytes)) }

    /// The frames the client has sent, unmasked by a decoder that is not ours.
    private func sent() throws -> [WebSocketFrame] {
        let server = EmbeddedChannel(handler: ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 28)))
        while let buffer = try self.channel.readOutbound(as: ByteBuffer.self) { try server.writeInbound(buffer) }
        var frames: [WebSocketFrame] = []
        while let frame = try server.readInbound(as: WebSocketFrame.self) { frames.append(frame) }
        _ = try? server.finish()
        return frames
    }

    // MARK: - Out

    @Test(
        .sends("5:MQTT-6.0.0-1", "3.1.1:MQTT-6.0.0-1"),
        arguments: [1, 2, 3, 7, 8, 9, 125, 126, 127, 65_535, 65_536, 65_537, 1 << 20]
    )
    func `every buffer written is one binary frame with a mask`(size: Int) throws {
        let payload = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        try self.channel.writeOutbound(payload)
        let frame = try #require(try self.sent().first)
        #expect(frame.fin && frame.opcode == .binary && frame.maskKey != nil)
        #expect(frame.unmaskedData == payload)
    }

    @Test func `every frame has a mask of its own, and memory is used again without harm`() throws {
        let payloads = (0..<100).map { ByteBuffer(repeating: UInt8($0), count: $0 + 1) }
        for payload in payloads { self.channel.write(payload, promise: nil) }
        self.channel.flush()
        let frames = try self.sent()
        #expect(frames.map(\.unmaskedData) == payloads)
        let keys = Set(frames.map { Array($0.maskKey ?? [0, 0, 0, 0]) })
        #expect(keys.count > 98, "of 32 bits, two of a hundred are hardly the same")
        for payload in payloads {
            try self.channel.writeOutbound(payload)
            #expect(try self.sent().map(\.unmaskedData) == [payload])
        }
    }

    @Test(.sends("5:MQTT-6.0.0-2", "3.1.1:MQTT-6.0.0-2"))
    func `what is written is one stream of bytes, whatever the buffers it came in`() throws {
        // Two PINGREQs in one buffer, and a PUBLISH over three.
        let buffers: [[UInt8]] = [[0xC0, 0, 0xC0, 0], [0x30], [6, 0, 1], [0x61, 1, 2, 3]]
        for bytes in buffers { self.channel.write(ByteBuffer(bytes: bytes), promise: nil) }
        self.channel.flush()
        let frames = try self.sent()
        #expect(frames.allSatisfy { $0.opcode == .binary })
        #expect(frames.flatMap { Array($0.unmaskedData.readableBytesView) } == buffers.flatMap { $0 })
    }

    @Test func `a write is done when its frame was written, not before the flush`() throws {
        var written: [Int] = []
        for number in 0..<3 {
            let payload = ByteBuffer(string: number == 1 ? "" : "payload")
            self.channel.write(payload).assumeIsolated().whenSuccess { written.append(number) }
        }
        #expect(written.isEmpty)
        self.channel.flush()
        #expect(written == [0, 1, 2])
        #expect(try self.sent().count == 2, "an empty buffer is no frame")
    }

    // MARK: - In

    @Test(.receives("5:MQTT-6.0.0-2", "3.1.1:MQTT-6.0.0-2"), arguments: [1, 2, 3, 7, 125, 126, 1_000, .max])
    func `packets and frames need not align, however the bytes are cut`(size: Int) throws {
        let large = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let middle = Array(large.prefix(300))
        var bytes = Self.frame(0x82, Array("one".utf8)) + Self.frame(0x82, []) + Self.frame(0x02, [1])
        bytes += Self.frame(0x00, []) + Self.frame(0x89, [9, 9]) + Self.frame(0x00, middle) + Self.frame(0x8A, [])
        bytes += Self.frame(0x80, [2]) + Self.frame(0x82, large) + Self.frame(0x82, [3])
        var rest = bytes[...]
        while !rest.isEmpty {
            try self.receive(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        #expect(self.inbox.bytes == Array("one".utf8) + [1] + middle + [2] + large + [3])
        let frames = try self.sent()
        #expect(frames.map(\.opcode) == [.pong] && frames.first?.unmaskedData == ByteBuffer(bytes: [9, 9]))
        #expect(self.inbox.errors.isEmpty)
    }

    @Test func `the frames of one read go on as one buffer, and the end of the read behind them`() throws {
        try self.receive((0..<100).flatMap { Self.frame(0x82, [UInt8($0)]) })
        #expect(self.inbox.buffers == [ByteBuffer(bytes: 0..<100)])
        #expect(self.inbox.events == ["read", "complete"])
    }

    @Test func `the bytes of a frame go on as they come, whatever it promises`() throws {
        // 2^62 bytes in one frame.
        try self.receive([0x82, 127, 0x40, 0, 0, 0, 0, 0, 0, 0, 1])
        for byte in UInt8(2)...100 { try self.receive([byte]) }
        #expect(self.inbox.bytes == Array(1...100))
        #expect(self.inbox.errors.isEmpty)
    }

    @Test func `a small frame does not pin a large read`() throws {
        var buffer = ByteBufferAllocator().buffer(capacity: 65_536)
        buffer.writeBytes(Self.frame(0x82, [1, 2, 3]))
        try self.channel.writeInbound(buffer)
        let received = try #require(self.inbox.buffers.first)
        #expect(received.storageCapacity < 1_024)
    }

    @Test func `a ping is answered with its data, of several in one read the last`() throws {
        try self.receive(Self.frame(0x89, []))
        #expect(try self.sent().map(\.opcode) == [.pong])
        let pings = (0..<50).flatMap { Self.frame(0x89, Array(repeating: UInt8($0), count: 125)) }
        try self.receive(pings)
        let frames = try self.sent()
        #expect(frames.map(\.unmaskedData) == [ByteBuffer(repeating: 49, count: 125)])
        #expect(self.inbox.bytes.isEmpty)
    }

    @Test func `attack ping flood: one answer waits for a server that does not read`() throws {
        self.channel.isWritable = false
        for number in 0..<10_000 {
            try self.receive(Self.frame(0x89, [UInt8(truncatingIfNeeded: number)]))
        }
        #expect(try self.sent().isEmpty)
        self.channel.isWritable = true
        self.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try self.sent().map(\.unmaskedData) == [ByteBuffer(bytes: [UInt8(truncatingIfNeeded: 9_999)])])
        #expect(try self.sent().isEmpty)
    }

    // MARK: - Violations

    @Test(
        .receives("5:MQTT-6.0.0-1", "3.1.1:MQTT-6.0.0-1"),
        arguments: [
            ([0x81, 1, 65], 1_003, "text"), ([0x01, 0], 1_003, "text"), ([0x82, 0x80], 1_002, "masked"),
            ([0xC2, 0], 1_002, "reserved"), ([0xA2, 0], 1_002, "reserved"), ([0x92, 0], 1_002, "reserved"),
            ([0x83, 0], 1_002, "kind 3"), ([0x8B, 0], 1_002, "kind 11"), ([0x8F, 0], 1_002, "kind 15"),
            ([0x80, 0], 1_002, "not begun"), ([0x02, 0, 0x82, 0], 1_002, "inside"), ([0x09, 0], 1_002, "fragmented"),
            ([0x08, 0], 1_002, "fragmented"), ([0x89, 126], 1_002, "125"), ([0x88, 127], 1_002, "125"),
            ([0x82, 126, 0, 125], 1_002, "more bytes"),
            ([0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], 1_002, "more bytes"),
            ([0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], 1_002, "impossible"), ([0x88, 1, 3], 1_002, "half a code"),
            ([0x88, 2, 3, 0xED], 1_002, "1005"), ([0x88, 2, 0, 0], 1_002, "code 0"),
        ] as [([UInt8], UInt16, String)]
    )
    func `fault 35: a frame that breaks the rules ends the connection with a close frame`(
        bytes: [UInt8],
        code: UInt16,
        words: String
    ) throws {
        try self.receive(Self.frame(0x82, [7]) + bytes + Self.frame(0x82, [8]))
        #expect(self.inbox.bytes == [7])
        #expect(self.inbox.events.prefix(3) == ["read", "complete", "error"], "packets before it count")
        let error = try #require(self.inbox.errors.first as? TransportError)
        #expect(error.code == .webSocketViolation && error.stage == .open)
        #expect(error.message.contains(words) && error.message.contains("ws://h:80/mqtt"), "\(error)")
        let frames = try self.sent()
        #expect(frames.map(\.opcode) == [.connectionClose])
        #expect(frames.first?.unmaskedData == ByteBuffer(integer: code))
        // Nothing more is taken from it or said to it, and it has half a second.
        try? self.receive([0x81, 0] + Self.frame(0x89, []) + Self.frame(0x82, [8]))
        #expect(throws: (any Error).self) { try self.channel.writeOutbound(ByteBuffer(string: "more")) }
        #expect(self.inbox.errors.count == 1 && self.inbox.bytes == [7])
        #expect(try self.sent().isEmpty && self.channel.isActive)
        self.channel.embeddedEventLoop.advanceTime(by: .milliseconds(500))
        #expect(!self.channel.isActive)
    }

    @Test(.receives("5:MQTT-6.0.0-1", "3.1.1:MQTT-6.0.0-1"))
    func `fault 35: text reaches the user as an error and the server as code 1003`() async throws {
        try await WebSocketServer.with { server in
            let dialed = try await Dialed.connect(to: .webSocket("127.0.0.1", port: server.port))
            let connection = try #require(await server.next())
            try await connection.send(Self.frame(0x82, [65]) + Self.frame(0x81, [66]))
            #expect(try await dialed.receive(1) == "A")
            let error = try #require(await dialed.end() as? TransportError)
            #expect(error.code == .webSocketViolation && error.stage == .open)
            let said = await connection.rest()
            #expect(said.count == 8 && said.starts(with: [0x88, 0x82]), "\(said)")
            #expect(said.count == 8 && said[6] ^ said[2] == 3 && said[7] ^ said[3] == 0xEB)
        }
    }
}
