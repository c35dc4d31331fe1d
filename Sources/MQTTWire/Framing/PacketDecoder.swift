// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Turns the bytes of a connection into packets, in place (MQTT 5.0, 2 and 3).
///
/// Payloads and binary properties are slices of the input. After an error nothing more is read: every further call
/// throws the same error again.
package struct PacketDecoder: Sendable {
    /// Which end of the connection reads.
    package enum Role: Hashable, Sendable {
        /// Reads what a server sends.
        case client
        /// Reads what a client sends.
        case server
    }

    /// The version the bytes are read by.
    ///
    /// A server's decoder sets it when it reads a CONNECT.
    package var version: ProtocolVersion
    package let role: Role
    /// The largest packet accepted, its fixed header included.
    package let maximumPacketSize: Int

    private var splitter = FrameSplitter()
    private var topics = TopicCache()
    private var failure: DecodingError?

    package init(version: ProtocolVersion, role: Role, maximumPacketSize: Int = 268_435_460) {
        self.version = version
        self.role = role
        self.maximumPacketSize = maximumPacketSize
    }

    /// Appends the packets that are now complete.
    ///
    /// Those before an error have been appended when it is thrown.
    package mutating func decode(_ input: ByteBuffer, into packets: inout [Packet]) throws(DecodingError) {
        if let failure = self.failure { throw failure }
        do throws(DecodingError) {
            guard self.splitter.isPending else { return try self.decodeInPlace(input, into: &packets) }
            var input = input
            guard let frame = try self.splitter.complete(from: &input, rules: self.rules) else { return }
            try self.decodeInPlace(frame, into: &packets)
            try self.decodeInPlace(input, into: &packets)
        } catch {
            self.failure = error
            self.splitter.clear()
            throw error
        }
    }

    private var rules: FixedHeaderRules {
        FixedHeaderRules(version: self.version, role: self.role, maximumPacketSize: self.maximumPacketSize)
    }

    /// Decodes all whole packets of one buffer and keeps the beginning of the next.
    private mutating func decodeInPlace(_ input: ByteBuffer, into packets: inout [Packet]) throws(DecodingError) {
        // The error goes out as a value: the closure's own throws would lose its type on older releases of NIOCore.
        let failure: DecodingError? = input.withUnsafeReadableBytes { bytes in
            do throws(DecodingError) {
                try self.decodeAll(bytes, of: input, into: &packets)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    private mutating func decodeAll(
        _ bytes: UnsafeRawBufferPointer,
        of input: ByteBuffer,
        into packets: inout [Packet]
    ) throws(DecodingError) {
        var reader = WireReader(bytes, of: input, role: self.role, version: self.version)
        var position = 0
        while position < bytes.count {
            let header = try FixedHeader.read(bytes, at: position, rules: self.rules)
            guard let header, reader.enterFrame(at: position + header.size, length: header.remainingLength) else {
                let rest = input.getSlice(at: input.readerIndex + position, length: bytes.count - position)
                if let rest { self.splitter.keep(rest, header: header) }
                return
            }
            let packet = try self.decodePacket(header, &reader)
            guard reader.isAtEnd else {
                throw DecodingError(.malformedPacket, "A packet goes on behind its last field")
            }
            packets.append(packet)
            position += header.packetSize
        }
    }

    @inline(__always)
    private mutating func decodePacket(
        _ header: FixedHeader,
        _ reader: inout WireReader
    ) throws(DecodingError) -> Packet {
        switch header.type {
        case .publish:
            .publish(try Publish(from: &reader, flags: header.flags, topics: &self.topics))
        case .pubAck: .pubAck(try Acknowledgement(from: &reader, .pubAck))
        case .pubRec: .pubRec(try Acknowledgement(from: &reader, .pubRec))
        case .pubRel: .pubRel(try Acknowledgement(from: &reader, .pubRel))
        case .pubComp: .pubComp(try Acknowledgement(from: &reader, .pubComp))
        default: try self.decodeRarePacket(header.type, &reader)
        }
    }

    private mutating func decodeRarePacket(
        _ type: PacketType,
        _ reader: inout WireReader
    ) throws(DecodingError) -> Packet {
        switch type {
        case .connect:
            let connect = try Connect(from: &reader)
            self.version = reader.version
            return .connect(connect)
        case .connAck: return .connAck(try ConnAck(from: &reader))
        case .subscribe: return .subscribe(try Subscribe(from: &reader))
        case .subAck: return .subAck(try SubAck(from: &reader))
        case .unsubscribe: return .unsubscribe(try Unsubscribe(from: &reader))
        case .unsubAck: return .unsubAck(try UnsubAck(from: &reader))
        case .pingRequest: return .pingRequest
        case .pingResponse: return .pingResponse
        case .disconnect: return .disconnect(try Disconnect(from: &reader))
        case .auth: return .auth(try Auth(from: &reader))
        case .publish, .pubAck, .pubRec, .pubRel, .pubComp:
            preconditionFailure("The packets of the fast path have been decoded before")
        }
    }
}
