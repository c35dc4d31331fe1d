// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore
internal import Synchronization

/// One end of a connection in memory: what one end writes the other reads.
///
/// ```swift
/// let (client, server) = InMemoryByteStream.pair()
/// let endpoint = Endpoint.custom("memory") { client }   // for one connection
/// ```
public final class InMemoryByteStream: ByteStream {
    private let incoming: Pipe
    private let outgoing: Pipe

    private init(incoming: Pipe, outgoing: Pipe) {
        self.incoming = incoming
        self.outgoing = outgoing
    }

    deinit { self.end() }

    /// Makes the two ends of a connection.
    ///
    /// - Parameter capacity: How many bytes are kept each way for the other end to read; who writes more has to wait.
    /// - Returns: The two ends, which are alike.
    public static func pair(capacity: Int = 65_536) -> (InMemoryByteStream, InMemoryByteStream) {
        let (there, back) = (Pipe(capacity: capacity), Pipe(capacity: capacity))
        return (
            InMemoryByteStream(incoming: back, outgoing: there), InMemoryByteStream(incoming: there, outgoing: back)
        )
    }

    /// What the other end has written since; nil when it has closed and everything was read.
    ///
    /// - Throws: `CancellationError` when the task is cancelled; ``TransportError`` with code
    ///   ``TransportError/Code/closed`` when this end is closed, or is being read by another task.
    public func read() async throws -> ByteBuffer? { try await self.incoming.read() }

    /// Writes bytes; returns when the other end has read so much that all of them are in the buffer.
    ///
    /// - Throws: `CancellationError` when the task is cancelled, after part of the bytes perhaps; ``TransportError`` with
    ///   code ``TransportError/Code/closed`` when either end is closed, or another task is writing.
    public func write(_ bytes: ByteBuffer) async throws { try await self.outgoing.write(bytes) }

    /// Closes this end; the other one can still read what was written before.
    ///
    /// An end nobody holds any more is closed, too.
    public func close() async { self.end() }

    private func end() {
        self.incoming.close(discarding: true)
        self.outgoing.close(discarding: false)
    }
}

/// One direction.
private final class Pipe: Sendable {
    private struct State {
        var buffer = ByteBuffer()
        var isClosed = false
        /// Whether the end that reads has closed.
        var isDiscarding = false
        /// Whether a task is in `read()`, and one in `write(_:)`: each from its first line to its last.
        var isBeingRead = false
        var isBeingWritten = false
        var reader: CheckedContinuation<Void, Never>?
        var writer: CheckedContinuation<Void, Never>?

        mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
            [self.reader.take(), self.writer.take()].compactMap { $0 }
        }
    }

    private enum Side { case reader, writer }

    private let state = Mutex(State())
    private let capacity: Int

    init(capacity: Int) { self.capacity = max(capacity, 1) }

    func read() async throws -> ByteBuffer? {
        try self.claim(\.isBeingRead, or: "Two tasks read from one end of a pair.")
        defer { self.state.withLock { $0.isBeingRead = false } }
        while true {
            try Task.checkCancellation()
            let (bytes, isAtEnd, writer) = try self.state.withLock { state in
                guard !state.isDiscarding else { throw TransportError(.closed, "This end of the pair is closed.") }
                let bytes = state.buffer
                state.buffer = ByteBuffer()
                return (bytes, state.isClosed, bytes.readableBytes > 0 ? state.writer.take() : nil)
            }
            writer?.resume()
            if bytes.readableBytes > 0 { return bytes }
            if isAtEnd { return nil }
            await self.wait(as: .reader)
        }
    }

    func write(_ bytes: ByteBuffer) async throws {
        try self.claim(\.isBeingWritten, or: "Two tasks write to one end of a pair.")
        defer { self.state.withLock { $0.isBeingWritten = false } }
        var bytes = bytes
        while true {
            try Task.checkCancellation()
            let rest = bytes
            let (left, reader) = try self.state.withLock { state in
                var left = rest
                guard !state.isClosed else { throw TransportError(.closed, "The pair is closed.") }
                let count = min(self.capacity - state.buffer.readableBytes, left.readableBytes)
                if var part = left.readSlice(length: count) { state.buffer.writeBuffer(&part) }
                return (left, count > 0 ? state.reader.take() : nil)
            }
            reader?.resume()
            bytes = left
            if bytes.readableBytes == 0 { return }
            await self.wait(as: .writer)
        }
    }

    func close(discarding: Bool) {
        let waiters = self.state.withLock { state in
            state.isClosed = true
            if discarding {
                state.isDiscarding = true
                state.buffer = ByteBuffer()
            }
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Takes one side for the task that calls, or refuses it when another task has it.
    private func claim(_ side: any WritableKeyPath<State, Bool> & Sendable, or refusal: String) throws {
        let isFree = self.state.withLock { state in
            defer { state[keyPath: side] = true }
            return !state[keyPath: side]
        }
        guard isFree else { throw TransportError(.closed, refusal) }
    }

    /// Waits until the other side has done something, the pair is closed, or the task is cancelled.
    private func wait(as side: Side) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = self.state.withLock { state in
                    // Cancelled before this, the handler below found nobody to wake.
                    guard !state.isClosed, !Task.isCancelled else { return false }
                    switch side {
                    case .reader where state.buffer.readableBytes == 0: state.reader = continuation
                    case .writer where state.buffer.readableBytes >= self.capacity: state.writer = continuation
                    default: return false
                    }
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            // Whoever is woken looks anew.
            let waiters = self.state.withLock { $0.takeWaiters() }
            for waiter in waiters { waiter.resume() }
        }
    }
}
