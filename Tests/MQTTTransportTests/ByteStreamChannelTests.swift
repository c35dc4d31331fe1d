// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MQTTTransport

/// The channel of a connection of the user's own, step by step.
@Suite(.timeLimit(.minutes(10))) struct ByteStreamChannelTests {
    struct Broken: Error, Equatable {}

    private let eventLoop = MultiThreadedEventLoopGroup.singleton.next()

    /// A channel over a connection, with a handler that takes what comes.
    private func open(_ stream: any ByteStream) async throws -> (any Channel, Recorder) {
        let recorder = Recorder()
        let eventLoop = self.eventLoop
        let channel: any Channel = try await eventLoop.submit {
            let channel = ByteStreamChannel.make(stream, on: eventLoop)
            try channel.pipeline.syncOperations.addHandler(RecordingHandler(recorder))
            return channel
        }.get()
        return (channel, recorder)
    }

    @Test func `it is active and writable from the start, and nothing is read that nobody wants`() async throws {
        let stream = ManualStream()
        let (channel, recorder) = try await self.open(stream)
        #expect(channel.isActive)
        #expect(channel.isWritable)
        try await self.eventLoop.submit {}.get()
        #expect(stream.reads == 0)
        // One for one.
        channel.read()
        channel.read()
        await stream.waitForReads(1)
        stream.deliver(.success(ByteBuffer(string: "a")))
        await recorder.wait { $0.text == "a" }
        await stream.waitForReads(1)
        try await channel.close()
        #expect(stream.reads <= 2)
        await stream.waitUntilClosed()
    }

    @Test func `with autoRead it goes on reading, one call at a time, until that is switched off`() async throws {
        let stream = ManualStream()
        let (channel, recorder) = try await self.open(stream)
        try await channel.setOption(.autoRead, value: true).get()
        for (count, text) in [(1, "a"), (2, "ab"), (3, "abc")] {
            await stream.waitForReads(count)
            #expect(stream.reads == count)
            stream.deliver(.success(ByteBuffer(string: String(text.suffix(1)))))
            await recorder.wait { $0.text == text }
        }
        await stream.waitForReads(4)
        try await channel.setOption(.autoRead, value: false).get()
        #expect(try await channel.getOption(.autoRead).get() == false)
        // The one that was under way.
        stream.deliver(.success(ByteBuffer(string: "d")))
        await recorder.wait { $0.text == "abcd" }
        try await self.eventLoop.submit {}.get()
        #expect(stream.reads == 4)
        try await channel.setOption(.autoRead, value: true).get()
        await stream.waitForReads(5)
        try await channel.close()
    }

    @Test func `what is flushed in a burst is one write, in order, and what is not flushed stays`() async throws {
        let stream = ManualStream()
        let (channel, _) = try await self.open(stream)
        let order = Mutex<[Int]>([])
        // The first is under way while the others come.
        try await self.eventLoop.submit {
            for number in 0..<4 {
                let promise = channel.eventLoop.makePromise(of: Void.self)
                promise.futureResult.whenSuccess { order.withLock { $0.append(number) } }
                channel.write(ByteBuffer(string: "\(number)"), promise: promise)
                if number == 0 || number == 2 { channel.flush() }
            }
        }.get()
        await stream.waitForWrites(1)
        #expect(stream.written == ["0"])
        #expect(order.withLock { $0 } == [])
        stream.finishWrite()
        await stream.waitForWrites(2)
        #expect(stream.written == ["0", "12"])
        #expect(order.withLock { $0 } == [0])
        stream.finishWrite()
        // An empty one is a write like any other, but none for the connection.
        let last = channel.send(ByteBuffer())
        await stream.waitForWrites(3)
        #expect(stream.written == ["0", "12", "3"])
        stream.finishWrite()
        try await last.get()
        #expect(order.withLock { $0 } == [0, 1, 2, 3])
        try await channel.writeAndFlush(ByteBuffer())
        #expect(stream.written.count == 3)
        try await channel.close()
    }

    @Test func `it says when it has more than enough to write, and when it has less again`() async throws {
        let stream = ManualStream()
        let (channel, recorder) = try await self.open(stream)
        let first = channel.send(ByteBuffer(repeating: 0, count: 65_536))
        try await self.eventLoop.submit {}.get()
        #expect(channel.isWritable)
        let second = channel.send(ByteBuffer(repeating: 0, count: 1))
        await recorder.wait { $0.writability == [false] }
        #expect(!channel.isWritable)
        #expect(try await channel.getOption(.bufferedWritableBytes).get() == 65_537)
        await stream.waitForWrites(1)
        stream.finishWrite()
        try await first.get()
        await recorder.wait { $0.writability == [false, true] }
        #expect(channel.isWritable)
        await stream.waitForWrites(2)
        stream.finishWrite()
        try await second.get()
        try await channel.setOption(.writeBufferWaterMark, value: .init(low: 1, high: 2)).get()
        _ = channel.hold(ByteBuffer(string: "abc"))
        await recorder.wait { $0.writability == [false, true, false] }
        try await channel.close()
    }

    @Test(arguments: ["read", "write"])
    func `an error of the connection is told and closes it`(where place: String) async throws {
        let stream = ManualStream()
        let (channel, recorder) = try await self.open(stream)
        let write = channel.send(ByteBuffer(string: "a"))
        let waiting = channel.hold(ByteBuffer(string: "b"))
        await stream.waitForWrites(1)
        if place == "read" {
            channel.read()
            await stream.waitForReads(1)
            stream.deliver(.failure(Broken()))
        } else {
            stream.finishWrite(Broken())
        }
        for future in [write, waiting] {
            await #expect(throws: Broken.self) { try await future.get() }
        }
        try await channel.closeFuture.get()
        #expect(recorder.value.errors.count == 1)
        #expect(recorder.value.errors.first is Broken)
        #expect(recorder.value.isInactive)
        await stream.waitUntilClosed()
    }

    @Test func `the end of the peer's bytes closes it, without an error`() async throws {
        let stream = ManualStream()
        let (channel, recorder) = try await self.open(stream)
        let write = channel.send(ByteBuffer(string: "a"))
        channel.read()
        await stream.waitForReads(1)
        stream.deliver(.success(nil))
        try await channel.closeFuture.get()
        #expect(recorder.value.errors.isEmpty)
        #expect(recorder.value.isInactive)
        await #expect(throws: ChannelError.eof) { try await write.get() }
        await stream.waitUntilClosed()
    }

    @Test func `closing ends what is under way, once, and what comes later is refused`() async throws {
        let stream = ManualStream(heedsClose: false)
        let (channel, recorder) = try await self.open(stream)
        channel.read()
        await stream.waitForReads(1)
        let write = channel.send(ByteBuffer(string: "a"))
        await stream.waitForWrites(1)
        await #expect(throws: ChannelError.operationUnsupported) { try await channel.close(mode: .output) }
        // Neither call of the connection returns.
        try await channel.close()
        try await channel.closeFuture.get()
        #expect(!channel.isActive)
        #expect(recorder.value.isInactive)
        await #expect(throws: ChannelError.ioOnClosedChannel) { try await write.get() }
        await #expect(throws: ChannelError.ioOnClosedChannel) {
            try await channel.writeAndFlush(ByteBuffer(string: "b"))
        }
        await #expect(throws: ChannelError.alreadyClosed) { try await channel.close() }
        await stream.waitUntilClosed()
        #expect(stream.closes == 1)
        // They return late, and nobody minds.
        stream.deliver(.success(ByteBuffer(string: "late")))
        stream.finishWrite(Broken())
        try await self.eventLoop.submit {}.get()
        #expect(recorder.value.text == "")
        #expect(recorder.value.errors.isEmpty)
    }

    @Test func `a channel that was closed is let go, though its connection still hangs`() async throws {
        let stream = ManualStream(heedsClose: false)
        weak var gone: (any Channel)?
        do {
            let (channel, _) = try await self.open(stream)
            gone = channel
            channel.read()
            await stream.waitForReads(1)
            try await channel.close()
            try await channel.closeFuture.get()
        }
        // The event loop is done with what closed it.
        try await self.eventLoop.submit {}.get()
        #expect(gone == nil)
        stream.deliver(.success(nil))
    }

    @Test func `options it cannot have, and what only sockets do, are errors`() async throws {
        let (channel, _) = try await self.open(ManualStream())
        try await channel.setOption(.maxMessagesPerRead, value: 4).get()
        try await channel.setOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 1)).get()
        await #expect(throws: ChannelError.operationUnsupported) {
            try await channel.setOption(.tcpOption(.tcp_nodelay), value: 1).get()
        }
        await #expect(throws: ChannelError.operationUnsupported) {
            try await channel.setOption(.allowRemoteHalfClosure, value: true).get()
        }
        await #expect(throws: ChannelError.operationUnsupported) {
            try await channel.getOption(.socketOption(.so_keepalive)).get()
        }
        await #expect(throws: ChannelError.operationUnsupported) { try await channel.writeAndFlush("text") }
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        await #expect(throws: ChannelError.operationUnsupported) { try await channel.connect(to: address) }
        await #expect(throws: ChannelError.operationUnsupported) { try await channel.bind(to: address) }
        await #expect(throws: ChannelError.operationUnsupported) { try await channel.register() }
        await #expect(throws: ChannelError.operationUnsupported) {
            try await channel.triggerUserOutboundEvent("event")
        }
        #expect(channel.localAddress == nil)
        #expect(channel.remoteAddress?.ipAddress == nil)
        try await channel.close()
        await #expect(throws: ChannelError.ioOnClosedChannel) {
            try await channel.setOption(.autoRead, value: true).get()
        }
    }

    @Test func `10 MiB go through to a slow reader and back, and only a little is held at a time`() async throws {
        let (client, server) = InMemoryByteStream.pair(capacity: 10_000)
        let (channel, recorder) = try await self.open(client)
        let total = 10 << 20
        let echo = Task {
            while let bytes = try await server.read() { try await server.write(bytes) }
        }
        try await channel.setOption(.autoRead, value: true).get()
        let chunk = RecordingHandler.pattern
        var sent = 0
        while sent < total {
            let part = chunk.getSlice(at: 0, length: min(chunk.readableBytes, total - sent)) ?? ByteBuffer()
            sent += part.readableBytes
            // One that heeds isWritable: never more than the high mark and one chunk.
            let write = channel.send(part)
            #expect(try await channel.getOption(.bufferedWritableBytes).get() <= 65_536 + 100_000)
            if !channel.isWritable { try await write.get() }
        }
        await recorder.wait { $0.count == total }
        #expect(recorder.value.isPattern)
        #expect(recorder.value.largest <= 10_000)
        try await channel.close()
        try await echo.value
    }
}

extension Channel {
    /// Where a call can wait, those of the channel do.
    fileprivate func send(_ bytes: ByteBuffer) -> EventLoopFuture<Void> { self.writeAndFlush(bytes) }

    fileprivate func hold(_ bytes: ByteBuffer) -> EventLoopFuture<Void> { self.write(bytes) }
}
