// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// Turns the bytes of a connection into packets, in place (MQTT 5.0, 2 and 3).
///
/// Payloads and binary properties are slices of the input. After an error nothing more is read: every further call
/// throws the same error again.
package struct PacketDecoder: ~Copyable, Sendable {
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
    private var topics = TopicInterner()
    /// nil leaves aliases to whoever uses the packets.
    private var aliases: InboundAliases?
    /// How many packets the last buffer held.
    private var usualCount = 4
    private var failure: DecodingError?

    /// Makes the decoder of one connection.
    ///
    /// With the highest topic alias that the peer may use, which may be 0, every PUBLISH comes out with its topic, and an
    /// alias the peer may not use is an error. Without one aliases are left as they are.
    package init(
        version: ProtocolVersion,
        role: Role,
        maximumPacketSize: Int = 268_435_460,
        topicAliasMaximum: UInt16? = nil
    ) {
        self.version = version
        self.role = role
        self.maximumPacketSize = maximumPacketSize
        self.aliases = topicAliasMaximum.map { InboundAliases(maximum: $0) }
    }

    /// Appends the packets that are now complete, in bursts of one buffer each.
    ///
    /// Those before an error have been appended when it is thrown.
    package mutating func decode(_ input: ByteBuffer, into bursts: inout [PacketBurst]) throws(DecodingError) {
        if let failure = self.failure { throw failure }
        do throws(DecodingError) {
            guard self.splitter.isPending else {
                try self.decodeInPlace(input, into: &bursts)
                return self.splitter.takeBack()
            }
            var input = input
            guard let frame = try self.splitter.complete(from: &input, rules: self.rules) else { return }
            try self.decodeInPlace(frame, into: &bursts)
            if input.readableBytes > 0 { try self.decodeInPlace(input, into: &bursts) }
        } catch {
            self.failure = error
            self.splitter.clear()
            throw error
        }
    }

    /// Appends the packets that are now complete, each as a value of its own.
    package mutating func decode(_ input: ByteBuffer, into packets: inout [Packet]) throws(DecodingError) {
        var bursts: [PacketBurst] = []
        defer {
            for burst in bursts { packets.append(contentsOf: burst.entries.lazy.map(burst.packet(of:))) }
        }
        try self.decode(input, into: &bursts)
    }

    private var rules: FixedHeaderRules {
        FixedHeaderRules(version: self.version, role: self.role, maximumPacketSize: self.maximumPacketSize)
    }

    /// Decodes all whole packets of one buffer and keeps the beginning of the next.
    private mutating func decodeInPlace(
        _ input: ByteBuffer,
        into bursts: inout [PacketBurst]
    ) throws(DecodingError) {
        var burst = OpenBurst(input, topics: self.topics, usualCount: self.usualCount)
        // The error goes out as a value: the closure's own throws would lose its type on older releases of NIOCore.
        let failure: DecodingError? = input.withUnsafeReadableBytes { bytes in
            do throws(DecodingError) {
                try self.decodeAll(bytes, of: input, into: &burst)
                return nil
            } catch {
                return error
            }
        }
        self.usualCount = max(4, burst.entries.count)
        burst.close(into: &bursts)
        if let failure { throw failure }
    }

    private mutating func decodeAll(
        _ bytes: UnsafeRawBufferPointer,
        of input: ByteBuffer,
        into burst: inout OpenBurst
    ) throws(DecodingError) {
        var reader = WireReader(bytes, of: input, role: self.role, version: self.version)
        var position = 0
        while position < bytes.count {
            let header = try FixedHeader.read(bytes, at: position, rules: self.rules)
            guard let header, reader.enterFrame(at: position + header.size, length: header.remainingLength) else {
                self.keep(position, bytes.count - position, of: input, header)
                return
            }
            try self.decodePacket(header, &reader, into: &burst)
            if header.packetSize > 65_536 { self.splitter.noteWhole(header.packetSize) }
            position += header.packetSize
        }
    }

    /// Keeps the beginning of a packet that is not whole.
    private mutating func keep(_ position: Int, _ length: Int, of input: ByteBuffer, _ header: FixedHeader?) {
        if self.splitter.isLent, position == 0 {
            self.splitter.keepReturned(input, header: header)
        } else if let rest = input.getSlice(at: input.readerIndex + position, length: length) {
            self.splitter.keep(rest, header: header)
        }
    }

    /// The beginning of a large packet, for a read to go on behind it; the next input has to be that buffer, longer.
    package mutating func lendBeginning() -> (beginning: ByteBuffer, room: Int)? { self.splitter.lend() }

    @inline(__always)
    private mutating func decodePacket(
        _ header: FixedHeader,
        _ reader: inout WireReader,
        into burst: inout OpenBurst
    ) throws(DecodingError) {
        switch header.type {
        case .publish:
            try self.decodePublish(flags: header.flags, &reader, into: &burst)
        case .pubAck, .pubRec, .pubRel, .pubComp:
            let packet = try Acknowledgement(from: &reader, header.type)
            try reader.checkEnd()
            burst.append(packet, header.type)
        default:
            let packet = try self.decodeRarePacket(header.type, &reader)
            try reader.checkEnd()
            burst.append(packet)
        }
    }

    /// Reads a PUBLISH, whose flags have been checked (MQTT 5.0, 3.3).
    @inline(__always)
    private mutating func decodePublish(
        flags: UInt8,
        _ reader: inout WireReader,
        into burst: inout OpenBurst
    ) throws(DecodingError) {
        let field = try reader.readField()
        var topic = field.isEmpty ? 0 : try self.topics.number(of: field)
        // MQTT-2.2.1-2: at QoS 0 there is no identifier.
        let packetID = flags & 0b0110 == 0 ? nil : try reader.readPacketID()
        let properties = try PropertyBlock.checkPublish(&reader)
        if field.isEmpty || properties.topicAlias > 0 {
            topic = try self.resolve(properties.topicAlias, field, number: topic)
        }
        let payload = reader.skipRest()
        let entry = PacketBurst.Entry(
            flags: flags,
            packetNumber: packetID?.rawValue ?? 0,
            topic: topic,
            payloadStart: UInt32(truncatingIfNeeded: payload.lowerBound),
            payloadLength: UInt32(truncatingIfNeeded: payload.count),
            propertiesLength: UInt32(truncatingIfNeeded: properties.length),
            properties: properties.seen
        )
        burst.append(entry, topics: self.topics)
    }

    /// The number of the topic of a PUBLISH that has an alias, or no topic (MQTT 5.0, 3.3.2.1, 3.3.2.3.4).
    ///
    /// An alias of 0 is none.
    private mutating func resolve(
        _ alias: UInt16,
        _ field: UnsafeRawBufferPointer,
        number: UInt16
    ) throws(DecodingError) -> UInt16 {
        guard alias > 0 else { throw DecodingError(.protocolError, "A PUBLISH has neither a topic nor an alias") }
        guard self.aliases != nil else { return try self.topics.number(of: field) }
        guard field.isEmpty else {
            try self.aliases?.map(alias, to: field, number: number, generation: self.topics.generation)
            return number
        }
        return try self.aliases?.number(of: alias, in: &self.topics) ?? number
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
