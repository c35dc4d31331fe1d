// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTTransport
import NIOCore
import NIOPosix

/// A connection of a test: what came in so far, waited for by its length or its end.
final class Dialed: Sendable {
    let channel: any Channel
    private let received: AsyncThrowingStream<ByteBuffer, any Error>

    private init(_ channel: any Channel, _ received: AsyncThrowingStream<ByteBuffer, any Error>) {
        self.channel = channel
        self.received = received
    }

    /// Connects, with enough time on a slow machine.
    static func connect(to endpoint: Endpoint, timeout: TimeAmount = .seconds(30)) async throws -> Dialed {
        let (stream, continuation) = AsyncThrowingStream<ByteBuffer, any Error>.makeStream()
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let future = Dialer().dial(endpoint, on: eventLoop, timeout: timeout) { channel, _ in
            try channel.pipeline.syncOperations.addHandler(Collector(continuation))
        }
        return Dialed(try await future.get(), stream)
    }

    /// The error of an attempt that must fail; nil when it did not.
    static func failure(to endpoint: Endpoint, timeout: TimeAmount = .seconds(30)) async throws -> TransportError? {
        do {
            let dialed = try await Self.connect(to: endpoint, timeout: timeout)
            try await dialed.channel.close()
            return nil
        } catch let error as TransportError {
            return error
        }
    }

    func send(_ text: String) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(string: text))
    }

    /// The next `count` bytes, or those until the connection ended.
    func receive(_ count: Int) async throws -> String {
        var text = ByteBuffer()
        for try await buffer in self.received {
            text.writeImmutableBuffer(buffer)
            if text.readableBytes >= count { break }
        }
        return String(buffer: text)
    }

    /// The error with which the connection ended.
    func end() async -> (any Error)? {
        do {
            for try await _ in self.received {}
            return nil
        } catch {
            return error
        }
    }
}

private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let continuation: AsyncThrowingStream<ByteBuffer, any Error>.Continuation

    init(_ continuation: AsyncThrowingStream<ByteBuffer, any Error>.Continuation) {
        self.continuation = continuation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.continuation.yield(self.unwrapInboundIn(data))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.continuation.finish(throwing: error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.continuation.finish()
    }
}
