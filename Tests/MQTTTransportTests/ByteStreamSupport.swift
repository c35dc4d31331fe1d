// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization

@testable import MQTTTransport

/// A value that tests wait for.
final class Watched<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var waiters: [(condition: @Sendable (Value) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    init(_ value: Value) { self.state = Mutex(State(value: value)) }

    var value: Value { self.state.withLock { $0.value } }

    func change<Result: Sendable>(_ body: @Sendable (inout Value) -> Result) -> Result {
        let (result, ready) = self.state.withLock { state in
            let result = body(&state.value)
            let ready = state.waiters.filter { $0.condition(state.value) }.map(\.continuation)
            state.waiters.removeAll { $0.condition(state.value) }
            return (result, ready)
        }
        for continuation in ready { continuation.resume() }
        return result
    }

    func wait(until condition: @escaping @Sendable (Value) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isThere = self.state.withLock { state in
                if condition(state.value) { return true }
                state.waiters.append((condition, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}

/// A connection whose every call waits until the test lets it return.
final class ManualStream: ByteStream {
    private struct State: Sendable {
        var reads = 0
        var closes = 0
        var written: [String] = []
        var readers: [CheckedContinuation<ByteBuffer?, any Error>] = []
        var writers: [CheckedContinuation<Void, any Error>] = []
    }

    private let state = Watched(State())
    private let heedsClose: Bool

    init(heedsClose: Bool = true) { self.heedsClose = heedsClose }

    var reads: Int { self.state.value.reads }
    var closes: Int { self.state.value.closes }
    var written: [String] { self.state.value.written }

    func read() async throws -> ByteBuffer? {
        try await withCheckedThrowingContinuation { continuation in
            self.state.change { state in
                state.reads += 1
                state.readers.append(continuation)
            }
        }
    }

    func write(_ bytes: ByteBuffer) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            self.state.change { state in
                state.written.append(String(buffer: bytes))
                state.writers.append(continuation)
            }
        }
    }

    func close() async {
        self.state.change { $0.closes += 1 }
        guard self.heedsClose else { return }
        self.deliver(.success(nil))
        self.finishWrite(CancellationError())
    }

    /// Lets the read under way return.
    func deliver(_ result: Result<ByteBuffer?, any Error>) {
        let reader = self.state.change { $0.readers.popLast() }
        reader?.resume(with: result)
    }

    /// Lets the write under way return.
    func finishWrite(_ error: (any Error)? = nil) {
        let writer = self.state.change { $0.writers.popLast() }
        if let error { writer?.resume(throwing: error) } else { writer?.resume() }
    }

    func waitForReads(_ count: Int) async { await self.state.wait { $0.reads >= count } }
    func waitForWrites(_ count: Int) async { await self.state.wait { $0.written.count >= count } }
    func waitUntilClosed() async { await self.state.wait { $0.closes > 0 } }
}

/// What a channel told its last handler.
struct Recording: Sendable {
    var text = ""
    var count = 0
    /// Whether all of it was ``RecordingHandler/pattern``, over and over.
    var isPattern = true
    var largest = 0
    var writability: [Bool] = []
    var errors: [any Error] = []
    var isInactive = false
}

typealias Recorder = Watched<Recording>

extension Watched where Value == Recording {
    convenience init() { self.init(Recording()) }
}

final class RecordingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    static let pattern = ByteBuffer(bytes: (0..<100_000).map { UInt8(truncatingIfNeeded: $0 % 251) })
    private static let twice = ByteBuffer(bytes: Array(pattern.readableBytesView) + Array(pattern.readableBytesView))

    private let recorder: Recorder

    init(_ recorder: Recorder) { self.recorder = recorder }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = self.unwrapInboundIn(data)
        self.recorder.change { recording in
            if recording.count < 1_000 { recording.text += String(buffer: bytes) }
            let expected = Self.twice.getSlice(at: recording.count % 100_000, length: bytes.readableBytes)
            if bytes != expected { recording.isPattern = false }
            recording.count += bytes.readableBytes
            recording.largest = max(recording.largest, bytes.readableBytes)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        let isWritable = context.channel.isWritable
        self.recorder.change { $0.writability.append(isWritable) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.recorder.change { $0.errors.append(error) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.recorder.change { $0.isInactive = true }
    }
}

/// A server at the other end of a connection, which echoes behind a handler such as that of TLS.
enum StreamServer {
    static func start(
        _ stream: any ByteStream,
        _ handler: @escaping @Sendable () throws -> any ChannelHandler
    ) async throws -> any Channel {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        return try await eventLoop.submit { () -> any Channel in
            let channel = ByteStreamChannel.make(stream, on: eventLoop)
            try channel.pipeline.syncOperations.addHandler(try handler())
            try channel.pipeline.syncOperations.addHandler(EchoHandler())
            try channel.syncOptions?.setOption(.autoRead, value: true)
            return channel
        }.get()
    }
}

private final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
