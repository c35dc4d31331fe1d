// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Holds the one packet that straddles two reads, and nothing else.
///
/// Appending whole reads to an accumulating buffer would copy every byte that arrives, and again each time the buffer
/// grows while payloads still point into it. So packets are parsed where they were read, and only the bytes of a packet
/// that began in one read and ends in another are copied.
struct FrameSplitter: Sendable {
    /// This much room is made as soon as the length of a packet is known; beyond it, room grows with the bytes that
    /// really come, so that a header alone cannot make us allocate what it announces.
    private static let firstReservation = 65_536
    /// A packet that lacks fewer bytes is not worth a read of its own.
    private static let smallestLoan = 32_768

    private var partial = ByteBuffer()
    /// The size of the whole packet, once its fixed header is complete.
    private var packetSize: Int?
    /// The largest packet that came whole: who sent one may send another.
    private var largest = 0
    /// Whether the beginning is with whoever reads, who will bring it back with more behind it.
    private(set) var isLent = false

    /// Whether the pending packet was lent before.
    private var wasLent = false

    /// How much room there is for the pending packet.
    var capacity: Int { self.partial.capacity }

    /// Whether the beginning of a packet waits for the rest.
    var isPending: Bool { self.partial.readableBytes > 0 }

    /// Keeps the beginning of a packet.
    ///
    /// Its header has been read by the caller as far as it goes.
    mutating func keep(_ beginning: ByteBuffer, header: FixedHeader?) {
        self.partial.clear()
        self.reserve(header)
        self.partial.writeImmutableBuffer(beginning)
    }

    /// Keeps the beginning of a packet that was lent and came back with more, without a copy while there is room.
    mutating func keepReturned(_ beginning: ByteBuffer, header: FixedHeader?) {
        self.partial = beginning
        self.packetSize = header?.packetSize
        self.wasLent = true
    }

    /// Gives the beginning of a large packet away, for the next read to go on behind it.
    ///
    /// - Returns: The beginning, and for how many bytes in all room may be made.
    mutating func lend() -> (beginning: ByteBuffer, room: Int)? {
        guard let packetSize = self.packetSize else { return nil }
        let missing = packetSize - self.partial.readableBytes
        // One that was lent before is lent until it is whole: to write into it here would copy it.
        guard missing >= Self.smallestLoan || self.wasLent else { return nil }
        var lent = ByteBuffer()
        swap(&lent, &self.partial)
        self.packetSize = nil
        self.isLent = true
        self.wasLent = false
        return (lent, min(packetSize, self.earned(with: lent.readableBytes)))
    }

    /// How much room the bytes that came so far have earned.
    private func earned(with count: Int) -> Int { max(Self.firstReservation, 2 * self.largest, 2 * count) }

    /// The beginning is back.
    mutating func takeBack() { self.isLent = false }

    /// Moves the bytes that the pending packet still lacks out of `input`, and returns the packet when it is whole.
    mutating func complete(
        from input: inout ByteBuffer,
        rules: FixedHeaderRules
    ) throws(DecodingError) -> ByteBuffer? {
        while self.packetSize == nil {
            guard let byte = input.readInteger(as: UInt8.self) else { return nil }
            self.partial.writeInteger(byte)
            self.reserve(try self.partial.readFixedHeader(rules: rules))
        }
        guard let packetSize = self.packetSize else { return nil }
        let missing = packetSize - self.partial.readableBytes
        guard let bytes = input.readSlice(length: min(missing, input.readableBytes)) else { return nil }
        // Room at least doubles when there is not enough (ByteBuffer allocates powers of two).
        self.partial.writeImmutableBuffer(bytes)
        return bytes.readableBytes == missing ? self.take() : nil
    }

    /// A packet of this size came whole.
    mutating func noteWhole(_ size: Int) { self.largest = max(self.largest, size) }

    /// Forgets the pending packet.
    mutating func clear() { _ = self.take() }

    private mutating func reserve(_ header: FixedHeader?) {
        guard let header else { return }
        self.packetSize = header.packetSize
        // Of a packet that may be lent no more is made room for here than the next read brings.
        self.partial.reserveCapacity(min(header.packetSize, Self.firstReservation))
    }

    private mutating func take() -> ByteBuffer {
        defer {
            // The packet's payload will share the storage: the next one needs its own.
            self.partial = ByteBuffer()
            self.packetSize = nil
        }
        return self.partial
    }
}

extension ByteBuffer {
    /// The fixed header at the reader index, nil while it is not all there.
    fileprivate func readFixedHeader(rules: FixedHeaderRules) throws(DecodingError) -> FixedHeader? {
        // Through a Result: the closure's own throws would lose its type on older releases of NIOCore.
        let result = self.withUnsafeReadableBytes { bytes in
            Result { () throws(DecodingError) in try FixedHeader.read(bytes, at: 0, rules: rules) }
        }
        return try result.get()
    }
}
