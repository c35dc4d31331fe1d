// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Puts packets on the wire in their shortest form (MQTT 5.0, 2 and 3).
package struct PacketEncoder: Sendable {
    package let version: ProtocolVersion

    package init(version: ProtocolVersion) { self.version = version }

    /// Appends a packet.
    ///
    /// Nothing has been written when it throws.
    package func encode(_ packet: Packet, into buffer: inout ByteBuffer) throws(EncodingError) {
        switch packet {
        case .publish(let publish):
            let frame = try publish.frame(version: self.version)
            frame.write(packetID: publish.packetID, duplicate: publish.duplicate, into: &buffer)
        case .pubAck(let acknowledgement) where acknowledgement.isShort:
            Self.writeShort(acknowledgement, .pubAck, into: &buffer)
        case .pubRec(let acknowledgement) where acknowledgement.isShort:
            Self.writeShort(acknowledgement, .pubRec, into: &buffer)
        case .pubRel(let acknowledgement) where acknowledgement.isShort:
            Self.writeShort(acknowledgement, .pubRel, into: &buffer)
        case .pubComp(let acknowledgement) where acknowledgement.isShort:
            Self.writeShort(acknowledgement, .pubComp, into: &buffer)
        default:
            let length = try self.remainingLength(of: packet)
            buffer.reserveCapacity(minimumWritableBytes: Self.size(length))
            buffer.writeFixedHeader(packet.type, flags: packet.type.fixedFlags, remainingLength: length)
            self.writeBody(of: packet, into: &buffer)
        }
    }

    /// The bytes of a packet.
    package func encode(_ packet: Packet) throws(EncodingError) -> ByteBuffer {
        var buffer = ByteBuffer()
        try self.encode(packet, into: &buffer)
        return buffer
    }

    /// The bytes of the whole packet.
    ///
    /// Refuses what ``encode(_:into:)`` refuses.
    package func encodedSize(of packet: Packet) throws(EncodingError) -> Int {
        if case .publish(let publish) = packet { return try publish.frame(version: self.version).size }
        return Self.size(try self.remainingLength(of: packet))
    }

    private static func size(_ remainingLength: Int) -> Int {
        1 + VariableByteInteger.size(of: remainingLength) + remainingLength
    }

    /// Appends an acknowledgement that says success and nothing else; other kinds of packets have no such form.
    package static func encodePlain(_ kind: PacketBurst.Kind, _ packetID: PacketID, into buffer: inout ByteBuffer) {
        let packet = Acknowledgement(packetID: packetID)
        switch kind {
        case .pubAck: self.writeShort(packet, .pubAck, into: &buffer)
        case .pubRec: self.writeShort(packet, .pubRec, into: &buffer)
        case .pubRel: self.writeShort(packet, .pubRel, into: &buffer)
        case .pubComp: self.writeShort(packet, .pubComp, into: &buffer)
        case .publish, .other: preconditionFailure("only acknowledgements have a plain form")
        }
    }

    /// The four bytes of an acknowledgement that says success, at once.
    private static func writeShort(_ packet: Acknowledgement, _ type: PacketType, into buffer: inout ByteBuffer) {
        let first = UInt32(type.rawValue << 4 | type.fixedFlags)
        buffer.writeInteger(first << 24 | 2 << 16 | UInt32(packet.packetID.rawValue))
    }

    private func remainingLength(of packet: Packet) throws(EncodingError) -> Int {
        let version = self.version
        let length =
            switch packet {
            case .connect(let packet): try packet.remainingLength(version: version)
            case .connAck(let packet): try packet.remainingLength(version: version)
            case .pubAck(let body), .pubRec(let body), .pubRel(let body), .pubComp(let body):
                try body.remainingLength(packet.type, version: version)
            case .subscribe(let packet): try packet.remainingLength(version: version)
            case .subAck(let packet): try packet.remainingLength(version: version)
            case .unsubscribe(let packet): try packet.remainingLength(version: version)
            case .unsubAck(let packet): try packet.remainingLength(version: version)
            case .disconnect(let packet): try packet.remainingLength(version: version)
            case .auth(let packet): try packet.remainingLength(version: version)
            case .pingRequest, .pingResponse: 0
            case .publish: preconditionFailure("A PUBLISH is measured by its frame")
            }
        guard length <= VariableByteInteger.maximum else {
            throw EncodingError(.tooLarge, "The packet is larger than 268,435,455 bytes")
        }
        return length
    }

    private func writeBody(of packet: Packet, into buffer: inout ByteBuffer) {
        let version = self.version
        switch packet {
        case .connect(let packet): packet.writeBody(to: &buffer, version: version)
        case .connAck(let packet): packet.writeBody(to: &buffer, version: version)
        case .pubAck(let packet), .pubRec(let packet), .pubRel(let packet), .pubComp(let packet):
            packet.writeBody(to: &buffer, version: version)
        case .subscribe(let packet): packet.writeBody(to: &buffer, version: version)
        case .subAck(let packet): packet.writeBody(to: &buffer, version: version)
        case .unsubscribe(let packet): packet.writeBody(to: &buffer, version: version)
        case .unsubAck(let packet): packet.writeBody(to: &buffer, version: version)
        case .disconnect(let packet): packet.writeBody(to: &buffer, version: version)
        case .auth(let packet): packet.writeBody(to: &buffer, version: version)
        case .pingRequest, .pingResponse: break
        case .publish: preconditionFailure("A PUBLISH is written by its frame")
        }
    }
}
