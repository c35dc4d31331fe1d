// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// The packets of one buffer, in the order they came: the frequent ones as plain numbers, the others as packets.
///
/// Half of what a small message costs is the counting of references while it goes from hand to hand. So an entry holds
/// none: topic, properties and payload are made of it when somebody asks for them.
package struct PacketBurst: Sendable {
    package enum Kind: UInt8, Sendable {
        case publish
        /// Acknowledgements that say success and nothing else.
        case pubAck, pubRec, pubRel, pubComp
        /// Any other packet: one of ``PacketBurst/others``.
        case other
    }

    package struct Entry: Sendable {
        package let kind: Kind
        /// The flags of the first byte, and a bit for subscription identifiers.
        @usableFromInline let marks: UInt8
        /// 0 at QoS 0 and for other packets.
        package let packetNumber: UInt16
        /// The number of the topic in ``PacketBurst/topics``.
        package let topic: UInt16
        /// For whoever reads the burst to note something down, where there is room anyway.
        package var note: UInt16 = 0
        /// Where the payload begins in the buffer.
        package let payloadStart: UInt32
        package let payloadLength: UInt32
        /// The properties end where the payload begins.
        package let propertiesLength: UInt32
    }

    /// What the entries point into.
    package let buffer: ByteBuffer
    package let topics: TopicTable
    package let entries: [Entry]
    package let others: [Packet]
}

extension PacketBurst.Entry {
    /// A PUBLISH, whose payload ends where the reader stands.
    @inline(__always)
    init(
        flags: UInt8,
        packetNumber: UInt16,
        topic: UInt16,
        payloadStart: UInt32,
        payloadLength: UInt32,
        propertiesLength: UInt32,
        properties: PropertySet
    ) {
        var marks = flags & 0b1111
        if properties.contains(.subscriptionIdentifier) { marks |= 0b1_0000 }
        self.kind = .publish
        self.marks = marks
        self.packetNumber = packetNumber
        self.topic = topic
        self.payloadStart = payloadStart
        self.payloadLength = payloadLength
        self.propertiesLength = propertiesLength
    }

    /// An acknowledgement, or the number of another packet.
    @inline(__always)
    init(_ kind: PacketBurst.Kind, packetNumber: UInt16 = 0, other: Int = 0) {
        self.kind = kind
        self.marks = 0
        self.packetNumber = packetNumber
        self.topic = 0
        self.payloadStart = UInt32(truncatingIfNeeded: other)
        self.payloadLength = 0
        self.propertiesLength = 0
    }

    /// The identifier of a PUBLISH or of an acknowledgement; nil at QoS 0.
    @inlinable
    package var packetID: PacketID? { PacketID(self.packetNumber) }

    /// The low half of the first byte of a PUBLISH.
    @inlinable
    package var flags: UInt8 { self.marks & 0b1111 }

    @inlinable
    package var qos: QoS { QoS(rawValue: self.marks >> 1 & 0b11) ?? .atMostOnce }
    @inlinable
    package var retain: Bool { self.marks & 0b0001 != 0 }
    @inlinable
    package var duplicate: Bool { self.marks & 0b1000 != 0 }
    @inlinable
    package var hasSubscriptionIdentifiers: Bool { self.marks & 0b1_0000 != 0 }
}

extension PacketBurst.Entry {
    /// The properties of a PUBLISH in this buffer.
    package func properties(in buffer: ByteBuffer) -> Properties {
        Properties(checked: buffer, endingAt: Int(self.payloadStart), length: Int(self.propertiesLength))
    }

    /// The payload of a PUBLISH in this buffer, a slice of it.
    package func payload(in buffer: ByteBuffer) -> ByteBuffer {
        buffer.getSlice(at: Int(self.payloadStart), length: Int(self.payloadLength)) ?? ByteBuffer()
    }
}

extension PacketBurst {
    /// Some of the packets, with what they point into.
    package func part(_ range: Range<Int>) -> PacketBurst {
        PacketBurst(
            buffer: self.buffer,
            topics: self.topics,
            entries: Array(self.entries[range]),
            others: self.others
        )
    }

    /// The packet of an entry of the kind `other`.
    package func other(_ entry: Entry) -> Packet { self.others[Int(entry.payloadStart)] }

    /// The properties of a PUBLISH.
    package func properties(of entry: Entry) -> Properties {
        entry.properties(in: self.buffer)
    }

    /// The packet of an entry, as a value of its own.
    package func packet(of entry: Entry) -> Packet {
        switch (entry.kind, entry.packetID) {
        case (.publish, let packetID):
            let publish = Publish(
                topic: self.topics[entry.topic],
                payload: entry.payload(in: self.buffer),
                qos: entry.qos,
                retain: entry.retain,
                duplicate: entry.duplicate,
                packetID: packetID,
                properties: entry.properties(in: self.buffer)
            )
            return .publish(publish)
        case (.pubAck, let packetID?): return .pubAck(Acknowledgement(packetID: packetID))
        case (.pubRec, let packetID?): return .pubRec(Acknowledgement(packetID: packetID))
        case (.pubRel, let packetID?): return .pubRel(Acknowledgement(packetID: packetID))
        case (.pubComp, let packetID?): return .pubComp(Acknowledgement(packetID: packetID))
        default: return self.other(entry)
        }
    }
}
