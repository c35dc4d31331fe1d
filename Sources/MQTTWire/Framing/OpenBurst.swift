// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A burst while it is decoded.
struct OpenBurst {
    private let buffer: ByteBuffer
    private(set) var entries: [PacketBurst.Entry] = []
    private var others: [Packet] = []
    private var topics: TopicTable
    private var generation: UInt64
    /// Earlier parts of the same buffer, whose topics are of an earlier table.
    private var closed: [PacketBurst] = []

    init(_ buffer: ByteBuffer, topics: borrowing TopicInterner, usualCount: Int) {
        self.buffer = buffer
        self.topics = topics.table
        self.generation = topics.generation
        // No packet is shorter than two bytes.
        self.entries.reserveCapacity(min(usualCount, buffer.readableBytes / 2))
    }

    /// Adds a PUBLISH, whose topic is of the interner's table of now.
    @inline(__always)
    mutating func append(_ entry: PacketBurst.Entry, topics: borrowing TopicInterner) {
        if self.generation != topics.generation { self.split(topics) }
        self.entries.append(entry)
    }

    /// Adds an acknowledgement.
    @inline(__always)
    mutating func append(_ packet: Acknowledgement, _ type: PacketType) {
        guard packet.isShort else { return self.appendLong(packet, type) }
        let number = packet.packetID.rawValue
        switch type {
        case .pubAck: self.entries.append(PacketBurst.Entry(.pubAck, packetNumber: number))
        case .pubRec: self.entries.append(PacketBurst.Entry(.pubRec, packetNumber: number))
        case .pubRel: self.entries.append(PacketBurst.Entry(.pubRel, packetNumber: number))
        default: self.entries.append(PacketBurst.Entry(.pubComp, packetNumber: number))
        }
    }

    /// Adds any other packet.
    mutating func append(_ packet: Packet) {
        self.entries.append(PacketBurst.Entry(.other, other: self.others.count))
        self.others.append(packet)
    }

    private mutating func appendLong(_ packet: Acknowledgement, _ type: PacketType) {
        switch type {
        case .pubAck: self.append(.pubAck(packet))
        case .pubRec: self.append(.pubRec(packet))
        case .pubRel: self.append(.pubRel(packet))
        default: self.append(.pubComp(packet))
        }
    }

    /// Goes on with another table of topics.
    private mutating func split(_ topics: borrowing TopicInterner) {
        self.closePart()
        self.topics = topics.table
        self.generation = topics.generation
    }

    private mutating func closePart() {
        guard !self.entries.isEmpty else { return }
        self.closed.append(self.part)
        self.entries = []
        self.others = []
    }

    private var part: PacketBurst {
        PacketBurst(buffer: self.buffer, topics: self.topics, entries: self.entries, others: self.others)
    }

    /// Hands over what was decoded.
    consuming func close(into bursts: inout [PacketBurst]) {
        if !self.closed.isEmpty { bursts.append(contentsOf: self.closed) }
        if !self.entries.isEmpty { bursts.append(self.part) }
    }
}
