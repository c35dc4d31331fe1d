// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTTransport
import NIOCore
import NIOEmbedded
import Synchronization

/// Reads as a socket's channel does: into the buffers of an allocator, several times in a turn, and drops a buffer into
/// which nothing could be read.
final class VirtualSocket: Sendable {
    fileprivate struct State {
        var pool: NIOPooledRecvBufferAllocator
        /// What has arrived and was not read.
        var waiting = ByteBuffer()
        var reads: [Read] = []
        var isAtEnd = false
        /// Decides how much each read finds; nil: everything that has arrived.
        var random: SeededGenerator?
    }

    /// One read that brought something.
    struct Read: Sendable {
        /// Where the buffer's memory is.
        var address: UInt
        /// How many bytes there was room for.
        var room: Int
        var count: Int
        var storageCapacity: Int
    }

    private let channel: NIOAsyncTestingChannel
    private let state: Mutex<State>

    private static let readsPerTurn = 4

    init(_ channel: NIOAsyncTestingChannel, _ buffers: ReadBuffers) {
        self.channel = channel
        let pool = NIOPooledRecvBufferAllocator(capacity: Self.readsPerTurn, recvAllocator: buffers)
        self.state = Mutex(State(pool: pool))
    }

    /// All reads so far.
    var reads: [Read] { self.state.withLock { $0.reads } }

    /// Whether a read found no room, which a channel takes for the end of the connection.
    var isAtEnd: Bool { self.state.withLock { $0.isAtEnd } }

    /// From now on reads find less than has arrived: some of it, exactly what there is room for, and then nothing.
    func stutter(seed: UInt64) { self.state.withLock { $0.random = SeededGenerator(state: seed) } }

    /// Lets bytes arrive at once, and turns of reading come until all are read.
    func arrive(_ bytes: ByteBuffer) async throws {
        self.state.withLock { _ = $0.waiting.writeImmutableBuffer(bytes) }
        try await self.channel.testingEventLoop.executeInContext {
            while self.mayRead { self.turn() }
        }
    }

    /// A turn of reading although nothing has arrived, which no system should let happen.
    func turnInVain() async throws {
        try await self.channel.testingEventLoop.executeInContext { self.turn() }
    }

    private var mayRead: Bool {
        self.state.withLock { $0.waiting.readableBytes > 0 && !$0.isAtEnd } && self.channel.isActive
    }

    private func turn() {
        for number in 0..<Self.readsPerTurn {
            guard let buffer = self.state.withLock({ $0.read(number) }) else { break }
            self.channel.pipeline.syncOperations.fireChannelRead(NIOAny(buffer))
            guard buffer.writableBytes == 0 else { break }
        }
        self.channel.pipeline.syncOperations.fireChannelReadComplete()
    }
}

extension VirtualSocket.State {
    /// The next buffer with something in it; nil when nothing could be read.
    fileprivate mutating func read(_ numberInTurn: Int) -> ByteBuffer? {
        let waiting = self.waiting
        let limit = self.limit(numberInTurn)
        var room = 0
        let (buffer, count) = self.pool.buffer(allocator: ByteBufferAllocator()) { buffer in
            room = buffer.writableBytes
            return buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: 0) { bytes in
                let count = min(bytes.count, waiting.readableBytes, limit)
                waiting.withUnsafeReadableBytes { source in
                    bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<count]))
                }
                return count
            }
        }
        self.isAtEnd = self.isAtEnd || room == 0
        guard count > 0 else { return nil }
        self.waiting.moveReaderIndex(forwardBy: count)
        if self.waiting.readableBytes == 0 { self.waiting.clear() }
        self.pool.record(actualReadBytes: count)
        let read = VirtualSocket.Read(
            address: buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) },
            room: room,
            count: count,
            storageCapacity: buffer.storageCapacity
        )
        self.reads.append(read)
        return buffer
    }

    /// How much the next read may find.
    private mutating func limit(_ numberInTurn: Int) -> Int {
        guard var random = self.random else { return .max }
        defer { self.random = random }
        switch Int.random(in: 0..<4, using: &random) {
        // The first read of a turn always finds something: why else would there be a turn?
        case 0 where numberInTurn > 0: return 0
        case 1: return 1 << Int.random(in: 0..<18, using: &random)
        default: return .max
        }
    }
}

/// SplitMix64, so that a seed names a run.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
