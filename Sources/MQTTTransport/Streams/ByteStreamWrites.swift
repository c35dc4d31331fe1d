// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// What was written to a ``ByteStreamChannel`` and is not with its connection yet, in order.
struct ByteStreamWrites {
    private struct Write {
        let bytes: ByteBuffer
        let promise: EventLoopPromise<Void>?
    }

    /// More than this is not put together into one buffer.
    private static let gatherLimit = 1_024 * 1_024

    private var writes = CircularBuffer<Write>()
    /// How many of them, from the first, are flushed.
    private var flushed = 0
    /// How many of those the connection is taking.
    private var underWay = 0
    /// The bytes of all of them.
    private(set) var count = 0

    mutating func append(_ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        self.writes.append(Write(bytes: bytes, promise: promise))
        self.count += bytes.readableBytes
    }

    mutating func flush() { self.flushed = self.writes.count }

    /// The flushed ones as one buffer, for the connection; nil when there are none.
    mutating func next() -> ByteBuffer? {
        guard self.flushed > 0, self.underWay == 0, let first = self.writes.first else { return nil }
        self.underWay = 1
        var size = first.bytes.readableBytes
        for write in self.writes.prefix(self.flushed).dropFirst() {
            size += write.bytes.readableBytes
            guard size <= Self.gatherLimit else { break }
            self.underWay += 1
        }
        guard self.underWay > 1 else { return first.bytes }
        var gathered = ByteBuffer()
        gathered.reserveCapacity(min(size, Self.gatherLimit))
        for write in self.writes.prefix(self.underWay) { gathered.writeImmutableBuffer(write.bytes) }
        return gathered
    }

    /// The connection has taken what ``next()`` gave; whom to tell.
    mutating func written() -> [EventLoopPromise<Void>] {
        let done = self.writes.prefix(self.underWay)
        let promises = done.compactMap(\.promise)
        for write in done { self.count -= write.bytes.readableBytes }
        self.writes.removeFirst(self.underWay)
        self.flushed -= self.underWay
        self.underWay = 0
        return promises
    }

    /// The flushed ones that the connection is not taking yet, as one buffer; nil when there are none.
    func flushedRest() -> ByteBuffer? {
        var rest = ByteBuffer()
        for write in self.writes.prefix(self.flushed).dropFirst(self.underWay) {
            rest.writeImmutableBuffer(write.bytes)
        }
        return rest.readableBytes > 0 ? rest : nil
    }

    /// Forgets all of them; whom to tell.
    mutating func removeAll() -> [EventLoopPromise<Void>] {
        let promises = self.writes.compactMap(\.promise)
        self = Self()
        return promises
    }
}
