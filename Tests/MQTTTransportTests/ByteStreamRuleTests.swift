// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import MQTTTransport

/// What the protocol of custom transports promises whoever implements it, at the end above all.
@Suite(.timeLimit(.minutes(10))) struct ByteStreamRuleTests {
    @Test func `what was flushed goes out behind a close, the rest does not, and the connection is closed once`()
        async throws
    {
        let eventLoop = NIOAsyncTestingEventLoop()
        let stream = ManualStream(heedsClose: false)
        let channel: any Channel = try await eventLoop.executeInContext {
            let channel = ByteStreamChannel.make(stream, on: eventLoop)
            channel.writeAndFlush(ByteBuffer(string: "first"), promise: nil)
            channel.writeAndFlush(ByteBuffer(string: "second"), promise: nil)
            channel.write(ByteBuffer(string: "third"), promise: nil)
            return channel
        }
        await stream.waitForWrites(1)
        try await eventLoop.executeInContext { channel.close(promise: nil) }
        stream.finishWrite()
        await stream.waitForWrites(2)
        #expect(stream.written == ["first", "second"])
        #expect(stream.closes == 0)
        stream.finishWrite()
        // The time it has for that is over, too.
        await eventLoop.advanceTime(by: .seconds(5))
        await stream.waitUntilClosed()
        await eventLoop.advanceTime(by: .seconds(5))
        #expect(stream.closes == 1)
        await eventLoop.shutdownGracefully()
    }

    @Test func `a burst is put together up to 1 MiB, so that large bytes are not held twice`() throws {
        var writes = ByteStreamWrites()
        for size in [100, 600_000, 600_000, 2_000_000] { writes.append(ByteBuffer(repeating: 1, count: size), nil) }
        writes.flush()
        for size in [600_100, 600_000, 2_000_000] {
            #expect(writes.next()?.readableBytes == size)
            _ = writes.written()
        }
        #expect(writes.next() == nil)
        #expect(writes.count == 0)
    }

    /// One whose reads end when their task is cancelled, and not before.
    private struct Patient: ByteStream {
        let isCancelled = Watched(false)

        func read() async throws -> ByteBuffer? {
            await Never.untilCancelled()
            self.isCancelled.change { $0 = true }
            return nil
        }

        func write(_ bytes: ByteBuffer) async throws {}

        func close() async {}
    }

    @Test func `a read under way is cancelled at the end`() async throws {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let stream = Patient()
        try await eventLoop.submit {
            let channel = ByteStreamChannel.make(stream, on: eventLoop)
            channel.read()
            channel.close(promise: nil)
        }.get()
        await stream.isCancelled.wait { $0 }
    }

    /// Many times, for both to come at the same moment, too.
    @Test(arguments: 0..<100)
    func `of two tasks that read one end of a pair the second is refused`(round: Int) async throws {
        let (one, other) = InMemoryByteStream.pair()
        try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
            for _ in 0..<2 { group.addTask { try await one.read() } }
            let refusal = await #expect(throws: TransportError.self) { try await group.next() }
            #expect(refusal?.code == .closed)
            try await other.write(ByteBuffer(string: "x"))
            #expect(try await group.next() == ByteBuffer(string: "x"))
        }
    }
}
