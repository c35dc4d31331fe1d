// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import MQTTTransport

/// How a WebSocket ends.
@Suite(.timeLimit(.minutes(10))) struct WebSocketClosingTests {
    private let channel: EmbeddedChannel
    private let inbox = Inbox()

    init() throws {
        self.channel = EmbeddedChannel(handlers: [WebSocketHandler(endpoint: .webSocket("h")), self.inbox])
        try self.channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func receive(_ bytes: [UInt8]) throws { try self.channel.writeInbound(ByteBuffer(bytes: bytes)) }

    /// The frames that were sent: kind and unmasked payload.
    private func sent() throws -> [[UInt8]] {
        var frames: [[UInt8]] = []
        while let buffer = try self.channel.readOutbound(as: ByteBuffer.self) {
            let bytes = Array(buffer.readableBytesView)
            let key = bytes[2..<6]
            frames.append([bytes[0] & 0x0F] + bytes[6...].enumerated().map { $1 ^ key[2 + $0 % 4] })
        }
        return frames
    }

    @Test(
        arguments: [
            ([3, 0xF0] + Array("no such user".utf8), "closed the WebSocket: 1008 policy violation: no such user"),
            ([3, 0xE8], "1000 normal closure"), ([], "no reason given"), ([0x0F, 0xA1], "4001"),
            ([3, 0xF4] + Array("a\u{1B}[2J\r\nb".utf8), "1012 service restart: a\\u{1B}[2J b"),
            ([3, 0xF3, 0xFF, 0xFE], "1011 internal error: \u{FFFD}\u{FFFD}"),
            ([3, 0xF3] + Array(repeating: 65, count: 123), "1011 internal error: AAA"),
        ] as [([UInt8], String)]
    )
    func `the server's reason for closing reaches the user behind its last bytes`(
        payload: [UInt8],
        words: String
    ) throws {
        try self.receive([0x82, 1, 7] + WebSocketFrameTests.frame(0x88, payload) + [0x82, 1, 8])
        #expect(self.inbox.bytes == [7])
        #expect(self.inbox.events == ["read", "complete", "error", "inactive", "complete"])
        let error = try #require(self.inbox.errors.first as? TransportError)
        #expect(error.code == .closed && error.stage == .open)
        #expect(error.message.contains(words) && error.message.contains("ws://h:80/mqtt"), "\(error)")
        #expect(try self.sent() == [[8] + payload.prefix(2)])
        #expect(!self.channel.isActive)
    }

    @Test func `our own closing says so, and is done when the server answers`() throws {
        var isClosed = false
        self.channel.write(ByteBuffer(string: "last"), promise: nil)
        self.channel.close().assumeIsolated().whenSuccess { isClosed = true }
        #expect(try self.sent() == [[2] + Array("last".utf8), [8, 3, 0xE8]])
        #expect(!isClosed && self.channel.isActive)
        try self.receive([0x82, 1, 7])
        #expect(self.inbox.bytes.isEmpty, "whoever closes does not read on")
        try self.receive([0x88, 2, 3, 0xE8])
        #expect(isClosed && !self.channel.isActive)
        #expect(self.inbox.errors.isEmpty)
        #expect(try self.sent().isEmpty)
    }

    @Test func `a server that does not answer is not waited for long`() throws {
        var closed = 0
        self.channel.close().assumeIsolated().whenSuccess { closed += 1 }
        self.channel.close().assumeIsolated().whenSuccess { closed += 1 }
        #expect(throws: ChannelError.ioOnClosedChannel) { try self.channel.writeOutbound(ByteBuffer(string: "more")) }
        self.channel.embeddedEventLoop.advanceTime(by: .milliseconds(499))
        #expect(self.channel.isActive && closed == 0)
        self.channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
        #expect(!self.channel.isActive && closed == 2)
    }

    @Test func `a connection that ends meanwhile ends the wait`() throws {
        var isClosed = false
        self.channel.close().assumeIsolated().whenSuccess { isClosed = true }
        self.channel.pipeline.fireChannelInactive()
        #expect(isClosed)
        self.channel.embeddedEventLoop.advanceTime(by: .minutes(1))
    }

    @Test func `an abandoned channel closes at once without a word`() throws {
        ChannelStages.abandon(self.channel)
        #expect(!self.channel.isActive)
        #expect(try self.sent().isEmpty)
    }

    @Test func `the end without a close frame is the end of the channel`() throws {
        try self.receive([0x82, 5, 1])
        self.channel.pipeline.fireChannelInactive()
        #expect(self.inbox.bytes == [1] && self.inbox.events.last == "inactive" && self.inbox.errors.isEmpty)
    }

    @Test func `over a socket the server gets the last bytes and the close frame`() async throws {
        try await WebSocketServer.with { server in
            let dialed = try await Dialed.connect(to: .webSocket("127.0.0.1", port: server.port))
            let connection = try #require(await server.next())
            dialed.channel.write(ByteBuffer(string: "last"), promise: nil)
            let start = ContinuousClock.now
            try await dialed.channel.close()
            // It does not answer; the time limit is generous for slow machines.
            #expect(ContinuousClock.now - start < .seconds(20))
            let bytes = await connection.rest()
            #expect(
                bytes.count == 10 + 8 && bytes.starts(with: [0x82, 0x84]) && bytes[10...].starts(with: [0x88, 0x82])
            )
        }
    }
}
