// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Reads the fields of packets in place, each only after it has been found to lie inside its packet.
///
/// One reader serves all packets of a read: ``limit`` is the end of the packet, or of the property block in it.
/// It works on a pointer, not through the buffer's own methods, because those check and move two indices for every
/// field; every access to the pointer is in this file, below a comparison with ``limit``.
struct WireReader {
    /// The readable bytes of ``buffer``; valid only inside the closure that made the reader.
    private let bytes: UnsafeRawBufferPointer
    /// Where binary fields are cut out of without a copy.
    private let buffer: ByteBuffer
    private(set) var position: Int
    /// Never above `bytes.count`.
    private(set) var limit: Int
    /// Which end of the connection reads.
    let role: PacketDecoder.Role
    /// The version the fields are read by; a CONNECT says which one it is.
    var version: ProtocolVersion

    init(
        _ bytes: UnsafeRawBufferPointer,
        of buffer: ByteBuffer,
        role: PacketDecoder.Role,
        version: ProtocolVersion
    ) {
        self.bytes = bytes
        self.buffer = buffer
        self.position = 0
        self.limit = bytes.count
        self.role = role
        self.version = version
    }

    /// How many bytes are left before the limit.
    var remaining: Int { self.limit - self.position }

    var isAtEnd: Bool { self.position >= self.limit }

    /// Goes to a packet's bytes behind its fixed header; false when they are not all there.
    @inline(__always)
    mutating func enterFrame(at start: Int, length: Int) -> Bool {
        guard start >= 0, length >= 0, start <= self.bytes.count, length <= self.bytes.count - start else {
            return false
        }
        self.position = start
        self.limit = start + length
        return true
    }

    /// Narrows the limit to the next `length` bytes and returns the old one, for ``leaveBlock(_:)``.
    mutating func enterBlock(length: Int) throws(DecodingError) -> Int {
        guard length >= 0, length <= self.remaining else { throw .endsInsideField }
        defer { self.limit = self.position + length }
        return self.limit
    }

    mutating func leaveBlock(_ outerLimit: Int) { self.limit = min(outerLimit, self.bytes.count) }
}

extension WireReader {
    mutating func readByte() throws(DecodingError) -> UInt8 {
        guard self.remaining >= 1 else { throw .endsInsideField }
        defer { self.position += 1 }
        return self.bytes[self.position]
    }

    @inline(__always)
    mutating func readUInt16() throws(DecodingError) -> UInt16 {
        guard self.remaining >= 2 else { throw .endsInsideField }
        defer { self.position += 2 }
        return UInt16(bigEndian: self.bytes.loadUnaligned(fromByteOffset: self.position, as: UInt16.self))
    }

    mutating func readUInt32() throws(DecodingError) -> UInt32 {
        guard self.remaining >= 4 else { throw .endsInsideField }
        defer { self.position += 4 }
        return UInt32(bigEndian: self.bytes.loadUnaligned(fromByteOffset: self.position, as: UInt32.self))
    }

    mutating func readVariableByteInteger() throws(DecodingError) -> Int {
        switch VariableByteInteger.read(self.bytes, at: self.position, end: self.limit) {
        case .value(let value, let size):
            self.position += size
            return value
        case .incomplete: throw .endsInsideField
        case .malformed: throw DecodingError(.malformedPacket, "A variable byte integer is not in its shortest form")
        }
    }

    /// A packet identifier, which is never 0 (MQTT-2.2.1-3, MQTT-2.2.1-4).
    mutating func readPacketID() throws(DecodingError) -> PacketID {
        guard let packetID = PacketID(try self.readUInt16()) else {
            throw DecodingError(.protocolError, "A packet identifier is 0")
        }
        return packetID
    }

    /// The bytes of a field with a two-byte length.
    ///
    /// Valid as long as the reader.
    @inline(__always)
    mutating func readField() throws(DecodingError) -> UnsafeRawBufferPointer {
        let length = Int(try self.readUInt16())
        guard length <= self.remaining else { throw .endsInsideField }
        defer { self.position += length }
        return UnsafeRawBufferPointer(rebasing: self.bytes[self.position..<self.position + length])
    }

    /// A UTF-8 string (MQTT 5.0, 1.5.4).
    mutating func readString() throws(DecodingError) -> String {
        let field = try self.readField()
        if ByteScan(field).hasNull { throw DecodingError(.malformedPacket, "A string holds U+0000") }
        return try WireString.decode(field)
    }

    /// A topic name that may not be empty (MQTT 5.0, 4.7).
    mutating func readTopicName() throws(DecodingError) -> String {
        let topic = try WireString.decodeTopicName(try self.readField())
        guard !topic.isEmpty else { throw DecodingError(.protocolError, "A topic name is empty") }
        return topic
    }

    /// A topic filter (MQTT 5.0, 4.7).
    mutating func readFilter() throws(DecodingError) -> String {
        let filter = try self.readString()
        guard !filter.isEmpty else { throw DecodingError(.protocolError, "A filter is empty") }
        if let fault = WireString.filterFault(filter, version: self.version) {
            throw DecodingError(.malformedPacket, fault)
        }
        return filter
    }

    /// Binary data (MQTT 5.0, 1.5.6), a slice of the input.
    mutating func readBinary() throws(DecodingError) -> ByteBuffer {
        let length = Int(try self.readUInt16())
        return try self.readSlice(length: length)
    }

    /// Passes over the next bytes up to the limit, and gives their indices in the input.
    @inline(__always)
    mutating func skipRest() -> Range<Int> {
        let start = self.buffer.readerIndex + self.position
        defer { self.position = self.limit }
        return start..<start + self.remaining
    }

    /// Refuses a packet that goes on behind its last field.
    @inline(__always)
    func checkEnd() throws(DecodingError) {
        guard self.isAtEnd else {
            throw DecodingError(.malformedPacket, "A packet goes on behind its last field")
        }
    }

    /// Passes over bytes.
    mutating func skip(_ count: Int) throws(DecodingError) {
        guard count <= self.remaining else { throw .endsInsideField }
        self.position += count
    }

    /// Passes over a UTF-8 string (MQTT 5.0, 1.5.4), which is checked; gives what was found in it.
    mutating func checkString() throws(DecodingError) -> (field: UnsafeRawBufferPointer, scan: ByteScan) {
        let field = try self.readField()
        let scan = ByteScan(field)
        guard !scan.hasNull else { throw DecodingError(.malformedPacket, "A string holds U+0000") }
        if !scan.isASCII { _ = try WireString.decode(field) }
        return (field, scan)
    }

    private mutating func readSlice(length: Int) throws(DecodingError) -> ByteBuffer {
        guard length <= self.remaining,
            let slice = self.buffer.getSlice(at: self.buffer.readerIndex + self.position, length: length)
        else { throw .endsInsideField }
        self.position += length
        return slice
    }
}
