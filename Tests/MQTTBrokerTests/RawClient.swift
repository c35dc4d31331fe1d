// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

@testable import MQTTBroker

/// A connection of bytes to a broker's listener.
final class RawClient {
    /// CONNECT of 3.1.1 with the client identifier "a", and its CONNACK.
    static let connect: [UInt8] = [0x10, 13, 0, 4] + Array("MQTT".utf8) + [4, 2, 0, 0, 0, 1, UInt8(ascii: "a")]
    static let connAck: [UInt8] = [0x20, 2, 0, 0]
    static let ping: [UInt8] = [0xC0, 0]
    static let pong: [UInt8] = [0xD0, 0]
    static let disconnect: [UInt8] = [0xE0, 0]

    let channel: any Channel
    private var inbox: AsyncStream<ByteBuffer>.AsyncIterator
    private var held: [UInt8] = []

    private init(_ channel: any Channel, _ inbox: AsyncStream<ByteBuffer>) {
        self.channel = channel
        self.inbox = inbox.makeAsyncIterator()
    }

    static func with<Result>(
        port: Int = 0,
        path: String? = nil,
        reads: Bool = true,
        _ body: (RawClient) async throws -> Result
    ) async throws -> Result {
        let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Inbox(continuation))
                }
            }
        let connected =
            path.map { bootstrap.connect(unixDomainSocketPath: $0) } ?? bootstrap.connect(host: "127.0.0.1", port: port)
        let channel = try await connected.get()
        do {
            let result = try await body(RawClient(channel, stream))
            try? await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    func send(_ bytes: [UInt8]...) async throws {
        for bytes in bytes { try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes)) }
    }

    /// The next bytes, fewer only when the connection ends before.
    func next(_ count: Int) async -> [UInt8] {
        while self.held.count < count, let bytes = await self.inbox.next(isolation: #isolation) {
            self.held += bytes.readableBytesView
        }
        defer { self.held.removeFirst(min(count, self.held.count)) }
        return Array(self.held.prefix(count))
    }

    /// All that comes until the connection ends.
    func rest() async -> [UInt8] { await self.next(.max) }

    private final class Inbox: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let continuation: AsyncStream<ByteBuffer>.Continuation

        init(_ continuation: AsyncStream<ByteBuffer>.Continuation) { self.continuation = continuation }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.continuation.yield(self.unwrapInboundIn(data))
        }

        func channelInactive(context: ChannelHandlerContext) { self.continuation.finish() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

extension AsyncStream<BrokerEvent> {
    /// The first event that fits; nil when the broker stops before.
    func first(_ fits: (BrokerEvent) -> Bool) async -> BrokerEvent? {
        for await event in self where fits(event) { return event }
        return nil
    }
}

extension BrokerEvent {
    var isDisconnected: Bool { if case .disconnected = self { true } else { false } }

    /// The topic of a message that a client published.
    var publishedTopic: String? { if case .published(_, let topic, _, _, _) = self { topic } else { nil } }
}
