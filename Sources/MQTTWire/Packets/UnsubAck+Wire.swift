// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension UnsubAck {
    /// Reads what is behind the fixed header (MQTT 5.0, 3.11).
    ///
    /// Before 5.0 that is the identifier alone.
    init(from reader: inout WireReader) throws(DecodingError) {
        self.init(packetID: try reader.readPacketID())
        guard reader.version.hasProperties else { return }
        self.properties = try Properties(from: &reader, in: .unsubAck)
        guard !reader.isAtEnd else { throw DecodingError(.protocolError, "An UNSUBACK answers no filter") }
        self.reasons.reserveCapacity(reader.remaining)
        while !reader.isAtEnd {
            let reason = ReasonCode(rawValue: try reader.readByte())
            guard Self.isLegal(reason) else {
                throw DecodingError(.protocolError, "An UNSUBACK has a reason code of other packets")
            }
            self.reasons.append(reason)
        }
    }

    /// The bytes behind the fixed header, once the packet is found to be sendable.
    func remainingLength(version: ProtocolVersion) throws(EncodingError) -> Int {
        let properties = try self.properties.checkedBlockSize(in: .unsubAck, version: version)
        guard version.hasProperties else {
            guard self.reasons.isEmpty else {
                throw EncodingError(.notInThisVersion, "An UNSUBACK has no reason codes before MQTT 5.0")
            }
            return 2
        }
        guard !self.reasons.isEmpty else {
            throw EncodingError(.invalidField, "An UNSUBACK answers at least one filter")
        }
        for reason in self.reasons where !Self.isLegal(reason) {
            throw EncodingError(.invalidField, "An UNSUBACK cannot say \(reason)")
        }
        return 2 + properties + self.reasons.count
    }

    func writeBody(to buffer: inout ByteBuffer, version: ProtocolVersion) {
        buffer.writeInteger(self.packetID.rawValue)
        self.properties.writeBlock(to: &buffer, version: version)
        for reason in self.reasons { buffer.writeInteger(reason.rawValue) }
    }

    /// MQTT-3.11.3-2.
    private static func isLegal(_ reason: ReasonCode) -> Bool {
        switch reason {
        case .success, .noSubscriptionExisted, .unspecifiedError, .implementationSpecificError, .notAuthorized,
            .topicFilterInvalid, .packetIdentifierInUse:
            true
        default: false
        }
    }
}
