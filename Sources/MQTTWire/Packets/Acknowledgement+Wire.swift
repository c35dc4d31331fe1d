// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Acknowledgement {
    /// Reads what is behind the fixed header (MQTT 5.0, 3.4 to 3.7).
    ///
    /// Two bytes mean success, three no properties.
    @inline(__always)
    init(from reader: inout WireReader, _ type: PacketType) throws(DecodingError) {
        let packetID = try reader.readPacketID()
        guard !reader.isAtEnd, reader.version.hasProperties else {
            self.init(packetID: packetID)
            return
        }
        try self.init(packetID, rest: &reader, type)
    }

    private init(_ packetID: PacketID, rest reader: inout WireReader, _ type: PacketType) throws(DecodingError) {
        let reason = ReasonCode(rawValue: try reader.readByte())
        guard Self.isLegal(reason, in: type) else {
            throw DecodingError(.protocolError, "An acknowledgement has a reason code of other packets")
        }
        let properties = reader.isAtEnd ? Properties() : try Properties(from: &reader, in: .acknowledgement)
        self.init(packetID: packetID, reason: reason, properties: properties)
    }

    /// The bytes behind the fixed header, once the packet is found to be sendable.
    func remainingLength(_ type: PacketType, version: ProtocolVersion) throws(EncodingError) -> Int {
        guard !self.isShort else { return 2 }
        guard version.hasProperties else {
            throw EncodingError(.notInThisVersion, "Acknowledgements say nothing but the identifier before MQTT 5.0")
        }
        guard Self.isLegal(self.reason, in: type) else {
            throw EncodingError(.invalidField, "This acknowledgement cannot say \(self.reason)")
        }
        let properties = try self.properties.checkedBlockSize(in: .acknowledgement, version: version)
        return self.properties.isEmpty ? 3 : 3 + properties
    }

    /// Whether the identifier says it all.
    var isShort: Bool { self.reason == .success && self.properties.isEmpty }

    func writeBody(to buffer: inout ByteBuffer, version: ProtocolVersion) {
        buffer.writeInteger(self.packetID.rawValue)
        guard !self.isShort else { return }
        buffer.writeInteger(self.reason.rawValue)
        if !self.properties.isEmpty { self.properties.writeBlock(to: &buffer, version: version) }
    }

    /// MQTT-3.4.2-1, MQTT-3.5.2-1, MQTT-3.6.2-1, MQTT-3.7.2-1.
    private static func isLegal(_ reason: ReasonCode, in type: PacketType) -> Bool {
        switch type {
        case .pubAck, .pubRec:
            switch reason {
            case .success, .noMatchingSubscribers, .unspecifiedError, .implementationSpecificError, .notAuthorized,
                .topicNameInvalid, .packetIdentifierInUse, .quotaExceeded, .payloadFormatInvalid:
                true
            default: false
            }
        default: reason == .success || reason == .packetIdentifierNotFound
        }
    }
}
