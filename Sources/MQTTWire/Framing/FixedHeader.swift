// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The kind of a control packet, the high half of its first byte (MQTT 5.0, 2.1.2).
enum PacketType: UInt8, Sendable, CaseIterable {
    case connect = 1
    case connAck = 2
    case publish = 3
    case pubAck = 4
    case pubRec = 5
    case pubRel = 6
    case pubComp = 7
    case subscribe = 8
    case subAck = 9
    case unsubscribe = 10
    case unsubAck = 11
    case pingRequest = 12
    case pingResponse = 13
    case disconnect = 14
    case auth = 15

    /// The low half of the first byte of every packet but PUBLISH (MQTT-2.1.3-1).
    var fixedFlags: UInt8 {
        switch self {
        case .pubRel, .subscribe, .unsubscribe: 0b0010
        default: 0
        }
    }
}

extension Packet {
    var type: PacketType {
        switch self {
        case .connect: .connect
        case .connAck: .connAck
        case .publish: .publish
        case .pubAck: .pubAck
        case .pubRec: .pubRec
        case .pubRel: .pubRel
        case .pubComp: .pubComp
        case .subscribe: .subscribe
        case .subAck: .subAck
        case .unsubscribe: .unsubscribe
        case .unsubAck: .unsubAck
        case .pingRequest: .pingRequest
        case .pingResponse: .pingResponse
        case .disconnect: .disconnect
        case .auth: .auth
        }
    }
}

/// The first two to five bytes of a packet (MQTT 5.0, 2.1.1).
struct FixedHeader {
    let type: PacketType
    let flags: UInt8
    /// How many bytes it takes itself, 2 to 5.
    let size: Int
    let remainingLength: Int

    /// The whole packet.
    var packetSize: Int { self.size + self.remainingLength }

    /// Reads the header at a position, nil while it is not all there.
    ///
    /// What its bytes already forbid is refused at once.
    @inline(__always)
    static func read(
        _ bytes: UnsafeRawBufferPointer,
        at start: Int,
        rules: FixedHeaderRules
    ) throws(DecodingError) -> FixedHeader? {
        guard start < bytes.count else { return nil }
        let first = bytes[start]
        guard let type = PacketType(rawValue: first >> 4) else {
            throw DecodingError(.malformedPacket, "There is no packet of type 0")
        }
        let flags = first & 0x0F
        try rules.check(type, flags: flags)
        switch VariableByteInteger.read(bytes, at: start + 1, end: bytes.count) {
        case .incomplete: return nil
        case .malformed: throw DecodingError(.malformedPacket, "A remaining length is not in its shortest form")
        case .value(let length, let size):
            let header = FixedHeader(type: type, flags: flags, size: 1 + size, remainingLength: length)
            try rules.check(header)
            return header
        }
    }
}

/// What the fixed header alone can be refused for, before anything is buffered.
struct FixedHeaderRules {
    let version: ProtocolVersion
    let role: PacketDecoder.Role
    let maximumPacketSize: Int

    @inline(__always)
    func check(_ type: PacketType, flags: UInt8) throws(DecodingError) {
        if type == .publish {
            // MQTT-3.3.1-4, MQTT-3.3.1-2.
            guard flags & 0b0110 != 0b0110 else { throw DecodingError(.malformedPacket, "A PUBLISH has QoS 3") }
            guard flags & 0b1110 != 0b1000 else { throw DecodingError(.malformedPacket, "A PUBLISH has DUP at QoS 0") }
        } else {
            try self.checkDirection(type)
            try self.checkReserved(type, flags: flags)
        }
    }

    private func checkDirection(_ type: PacketType) throws(DecodingError) {
        switch type {
        case .connect, .subscribe, .unsubscribe, .pingRequest:
            guard self.role == .server else {
                throw DecodingError(.protocolError, "A server sent what only clients send")
            }
        case .connAck, .subAck, .unsubAck, .pingResponse:
            guard self.role == .client else {
                throw DecodingError(.protocolError, "A client sent what only servers send")
            }
        case .disconnect:
            // Before 5.0 a server just closes the connection (MQTT 3.1.1, 3.14).
            guard self.role == .server || self.version.hasProperties else {
                throw DecodingError(.protocolError, "A server sent DISCONNECT before 5.0")
            }
        case .auth:
            guard self.version.hasProperties else { throw DecodingError(.malformedPacket, "An AUTH before 5.0") }
        case .publish, .pubAck, .pubRec, .pubRel, .pubComp:
            break
        }
    }

    /// The reserved flags must be those of the type (MQTT-2.1.3-1).
    ///
    /// In 3.1 PUBREL, SUBSCRIBE and UNSUBSCRIBE are sent at QoS 1 and may be repeated with DUP (MQTT 3.1, 2.1).
    private func checkReserved(_ type: PacketType, flags: UInt8) throws(DecodingError) {
        let mayRepeat = self.version == .v31 && type.fixedFlags == 0b0010
        let isLegal = flags == type.fixedFlags || mayRepeat && flags == 0b1010
        guard isLegal else { throw DecodingError(.malformedPacket, "Reserved flags of a fixed header are wrong") }
    }

    @inline(__always)
    func check(_ header: FixedHeader) throws(DecodingError) {
        guard header.packetSize <= self.maximumPacketSize else {
            throw DecodingError(.packetTooLarge, "A packet is larger than allowed")
        }
        guard let length = self.onlyLength(of: header.type), header.remainingLength != length else { return }
        throw DecodingError(.malformedPacket, "A packet of fixed length has another length")
    }

    /// The remaining length of packets that have only one.
    @inline(__always)
    private func onlyLength(of type: PacketType) -> Int? {
        switch type {
        case .pingRequest, .pingResponse: 0
        case .connAck, .pubAck, .pubRec, .pubRel, .pubComp, .unsubAck: self.version.hasProperties ? nil : 2
        case .disconnect: self.version.hasProperties ? nil : 0
        default: nil
        }
    }
}
