// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import NIOCore

/// The bytes to write next, encoded one behind the other; large payloads are handed over without a copy.
struct Outbox {
    private var tail: ByteBuffer
    private var sealed: [ByteBuffer] = []
    private var sealedBytes = 0
    private let encoder: PacketEncoder
    private let allocator: ByteBufferAllocator

    /// Payloads of this size and above become a segment of their own.
    private static let copyLimit = 16_384
    private static let firstCapacity = 4_096

    init(version: ProtocolVersion, allocator: ByteBufferAllocator) {
        self.encoder = PacketEncoder(version: version)
        self.allocator = allocator
        self.tail = ByteBuffer()
    }

    /// Bytes that wait to be written.
    var count: Int { self.sealedBytes + self.tail.readableBytes }

    /// Appends a packet.
    mutating func append(_ packet: Packet) throws(EncodingError) {
        try self.encoder.encode(packet, into: &self.tail)
    }

    /// Appends an answer.
    mutating func append(_ answer: Answer) throws(EncodingError) {
        try self.encoder.encode(answer.packet, into: &self.tail)
    }

    /// Appends a PUBLISH, which was checked when its frame was made.
    mutating func append(_ frame: PublishFrame, packetID: PacketID?, duplicate: Bool) {
        guard frame.message.payload.readableBytes >= Self.copyLimit else {
            frame.write(packetID: packetID, duplicate: duplicate, into: &self.tail)
            return
        }
        frame.writeHead(packetID: packetID, duplicate: duplicate, into: &self.tail)
        self.seal()
        self.sealedBytes += frame.message.payload.readableBytes
        self.sealed.append(frame.message.payload)
    }

    /// Takes everything, oldest first.
    mutating func take() -> [ByteBuffer] {
        if self.tail.readableBytes > 0 { self.seal() }
        defer {
            self.sealed = []
            self.sealedBytes = 0
        }
        return self.sealed
    }

    /// Throws everything away: it belonged to a link that is gone.
    mutating func removeAll() { _ = self.take() }

    private mutating func seal() {
        let written = self.tail.readableBytes
        self.sealedBytes += written
        self.sealed.append(self.tail)
        self.tail = self.allocator.buffer(capacity: max(Self.firstCapacity, min(written, 1 << 20)))
    }
}
