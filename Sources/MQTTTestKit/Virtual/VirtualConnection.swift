// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTTransport
import NIOCore
import NIOEmbedded

/// The server's end of a channel in memory.
final class VirtualConnection: ByteStream {
    private let channel: NIOAsyncTestingChannel
    private let incoming: Inbox<ByteBuffer>

    init(_ channel: NIOAsyncTestingChannel) {
        let incoming = Inbox<ByteBuffer>()
        self.channel = channel
        self.incoming = incoming
        channel.closeFuture.whenComplete { _ in incoming.close() }
    }

    /// Whether everything was read, and somebody waits for more, or there will be no more.
    var isAwaited: Bool { self.incoming.isAwaited || self.incoming.isClosed }

    /// Whether the channel is closed.
    var isClosed: Bool { self.incoming.isClosed }

    /// What takes the client's bytes out of the channel; the first handler of its pipeline.
    func makeHandler() -> any ChannelHandler { Takeout(self.incoming) }

    func read() async throws -> ByteBuffer? { try await self.incoming.next() }

    func write(_ bytes: ByteBuffer) async throws {
        guard self.channel.isActive else { throw ChannelError.ioOnClosedChannel }
        _ = try await self.channel.writeInbound(bytes)
    }

    func close() async {
        try? await self.channel.close().get()
        // The end of the channel is told behind its closing, in two turns at most.
        for _ in 0..<3 { await self.channel.testingEventLoop.run() }
    }
}

private final class Takeout: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private let incoming: Inbox<ByteBuffer>

    init(_ incoming: Inbox<ByteBuffer>) { self.incoming = incoming }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        self.incoming.put(self.unwrapOutboundIn(data))
        promise?.succeed()
    }
}
