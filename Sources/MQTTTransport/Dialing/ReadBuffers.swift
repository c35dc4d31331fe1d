// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// The buffers a plain socket reads into: small while little comes, large under load, and used again.
///
/// Fresh memory costs a page fault for every 4 KiB, two to three times the copy of the bytes themselves. So buffers come back
/// here when they were read and are used again as soon as nobody holds them any more. A reader that has the beginning of a
/// large frame may lend it: the next read then goes on in it, and no byte is copied.
// Safe: it is only ever used on the event loop of its channel, by the channel before each read and by the channel's last handler.
package final class ReadBuffers: RecvByteBufferAllocator, @unchecked Sendable {
    private var known: [ByteBuffer] = []
    /// Those of frames that did not fit into one read.
    private var large: [ByteBuffer] = []
    /// The next read goes on in it.
    private var lent: ByteBuffer?
    /// The same beginning in memory of its own, until a read has brought something: a channel that has filled a buffer reads
    /// again at once, and drops the next buffer when there is nothing yet.
    private var spare: (beginning: ByteBuffer, size: Int)?
    /// Whether a frame's beginning is with the channel.
    private var isOut = false
    /// How many bytes there was room for in the last buffer.
    private var room = 0
    private var wasFilled = false
    private var size = ReadBuffers.firstSize
    /// Reads in a row that left most of a buffer empty.
    private var smallReads = 0

    private static let firstSize = 512
    private static let smallestSize = 2_048
    private static let largestSize = 65_536
    /// How many buffers are kept for later, and how many bytes of large ones.
    private static let limit = 96
    private static let limitOfLarge = 8 << 20
    private static let patience = 64

    package init() {}

    /// How much memory is kept for later.
    var keptBytes: Int { self.known.reduce(self.largeBytes) { $0 + $1.storageCapacity } }

    private var largeBytes: Int { self.large.reduce(0) { $0 + $1.storageCapacity } }

    /// The buffer for the next read.
    package func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        let buffer = self.next(allocator)
        self.room = buffer.writableBytes
        return buffer
    }

    private func next(_ allocator: ByteBufferAllocator) -> ByteBuffer {
        // The channel has dropped the last one.
        if self.isOut, self.lent == nil {
            // Without room a read looks like the end of the connection: better than to go on inside a frame.
            guard let spare = self.spare else { return ByteBuffer() }
            self.lent = self.copy(spare.beginning, roomFor: spare.size)
        }
        if let lent = self.lent.take() {
            self.isOut = true
            return lent
        }
        return Self.takeFree(from: &self.known, self.size..<Int.max) ?? allocator.buffer(capacity: self.size)
    }

    /// A buffer of a size that nobody else holds any more.
    private static func takeFree(from buffers: inout [ByteBuffer], _ sizes: Range<Int>) -> ByteBuffer? {
        for index in buffers.indices {
            // A slice that was cleared is the whole of its memory again.
            let capacity = buffers[index].modifyIfUniquelyOwned { buffer in
                buffer.clear()
                return buffer.capacity
            }
            guard let capacity, sizes.contains(capacity) else { continue }
            return buffers.remove(at: index)
        }
        return nil
    }

    /// Learns how much comes at once.
    ///
    /// - Returns: true: the channel shall ask for a buffer before each read.
    package func record(actualReadBytes: Int) -> Bool {
        self.wasFilled = actualReadBytes >= self.room
        self.isOut = false
        self.spare = nil
        if actualReadBytes >= self.size {
            self.size = min(max(4 * self.size, Self.smallestSize), Self.largestSize)
            self.smallReads = 0
            // All too small by now.
            self.known.removeAll { $0.storageCapacity < self.size }
        } else if actualReadBytes <= self.size / 8 {
            self.smallReads += 1
            if self.smallReads >= Self.patience { self.shrink() }
        } else {
            self.smallReads = 0
        }
        return true
    }

    /// Takes back a buffer that was read; it is used again when nobody else holds it.
    package func takeBack(_ buffer: ByteBuffer) {
        let capacity = buffer.storageCapacity
        if capacity <= 2 * self.size {
            // The latest first: it is the likeliest to be in a cache still when it is free.
            if self.known.count < Self.limit { self.known.insert(buffer, at: 0) }
        } else if capacity > 2 * Self.largestSize, capacity <= Self.limitOfLarge {
            // The oldest go: they are held for long, or of a size that is not asked for.
            while self.largeBytes > Self.limitOfLarge - capacity { self.large.removeFirst() }
            self.large.append(buffer)
        }
    }

    /// Lets the next read go on behind the beginning of a frame, where there is or may be room for so many bytes in all.
    package func goOn(in beginning: ByteBuffer, roomFor size: Int) {
        // A read that did not fill its buffer is the last until more has come.
        if beginning.capacity >= size, !self.wasFilled {
            self.lent = beginning
        } else {
            self.lent = self.copy(beginning, roomFor: size)
            self.spare = (beginning, size)
        }
    }

    private func copy(_ beginning: ByteBuffer, roomFor size: Int) -> ByteBuffer {
        // Not more than fresh memory would be, which comes in powers of two: a message may hold it for long.
        var buffer =
            Self.takeFree(from: &self.large, size..<2 * size) ?? ByteBufferAllocator().buffer(capacity: size)
        buffer.writeImmutableBuffer(beginning)
        return buffer.front(size)
    }

    private func shrink() {
        self.smallReads = 0
        self.size = max(self.size / 4, Self.smallestSize)
        self.known.removeAll(keepingCapacity: false)
        self.large.removeAll(keepingCapacity: false)
    }
}

extension ByteBuffer {
    /// The same bytes with room for just so many in all.
    ///
    /// A buffer's memory comes in powers of two. A read that filled all of it would take the beginning of the next frame
    /// along, which would have to be copied.
    fileprivate consuming func front(_ size: Int) -> ByteBuffer {
        let readable = self.readableBytes
        guard self.capacity > size else { return self }
        // What lies behind the writer index is not read before it was written.
        self.moveWriterIndex(to: size)
        guard var front = self.getSlice(at: 0, length: size) else { return self }
        front.moveWriterIndex(to: readable)
        return front
    }
}
