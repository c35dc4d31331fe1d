// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Holds the one packet that straddles two reads, and nothing else.
///
/// Appending whole reads to an accumulating buffer would copy every byte that arrives, and again each time the buffer
/// grows while payloads still point into it. So packets are parsed where they were read, and only the bytes of a packet
/// that began in one read and ends in another are copied.
struct FrameSplitter: Sendable {
    /// Up to this much room is made as soon as the length of a packet is known; beyond it, room grows with the bytes
    /// that really come, so that a header alone cannot make us allocate what it announces.
    private static let firstReservation = 65_536

    private var partial = ByteBuffer()
    /// The size of the whole packet, once its fixed header is complete.
    private var packetSize: Int?

    /// How much room there is for the pending packet.
    var capacity: Int { self.partial.capacity }

    /// Whether the beginning of a packet waits for the rest.
    var isPending: Bool { self.partial.readableBytes > 0 }

    /// Keeps the beginning of a packet.
    ///
    /// Its header has been read by the caller as far as it goes.
    mutating func keep(_ beginning: ByteBuffer, header: FixedHeader?) {
        self.reserve(header)
        self.partial.writeImmutableBuffer(beginning)
    }

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

    /// Forgets the pending packet.
    mutating func clear() { _ = self.take() }

    private mutating func reserve(_ header: FixedHeader?) {
        guard let header else { return }
        self.packetSize = header.packetSize
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
