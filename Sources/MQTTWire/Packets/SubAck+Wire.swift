// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension SubAck {
    /// Reads what is behind the fixed header (MQTT 5.0, 3.9).
    init(from reader: inout WireReader) throws(DecodingError) {
        self.init(packetID: try reader.readPacketID(), reasons: [])
        self.properties = try Properties(from: &reader, in: .subAck)
        guard !reader.isAtEnd else { throw DecodingError(.protocolError, "A SUBACK answers no filter") }
        self.reasons.reserveCapacity(reader.remaining)
        while !reader.isAtEnd {
            let reason = ReasonCode(rawValue: try reader.readByte())
            guard Self.isLegal(reason, version: reader.version) else {
                throw DecodingError(.protocolError, "A SUBACK has a reason code of other packets")
            }
            self.reasons.append(reason)
        }
    }

    /// The bytes behind the fixed header, once the packet is found to be sendable.
    func remainingLength(version: ProtocolVersion) throws(EncodingError) -> Int {
        guard !self.reasons.isEmpty else { throw EncodingError(.invalidField, "A SUBACK answers at least one filter") }
        // Any failure has a form before 5.0, too: all of them are 0x80 there.
        for reason in self.reasons where !Self.isLegal(reason, version: .v5) {
            throw EncodingError(.invalidField, "A SUBACK cannot say \(reason)")
        }
        let properties = try self.properties.checkedBlockSize(in: .subAck, version: version)
        return 2 + properties + self.reasons.count
    }

    func writeBody(to buffer: inout ByteBuffer, version: ProtocolVersion) {
        buffer.writeInteger(self.packetID.rawValue)
        self.properties.writeBlock(to: &buffer, version: version)
        for reason in self.reasons {
            let isPlain = version.hasProperties || !reason.isError
            buffer.writeInteger((isPlain ? reason : .unspecifiedError).rawValue)
        }
    }

    /// MQTT-3.9.3-2 of both standards.
    private static func isLegal(_ reason: ReasonCode, version: ProtocolVersion) -> Bool {
        switch reason {
        case .grantedQoS0, .grantedQoS1, .grantedQoS2, .unspecifiedError: true
        case .implementationSpecificError, .notAuthorized, .topicFilterInvalid, .packetIdentifierInUse,
            .quotaExceeded, .sharedSubscriptionsNotSupported, .subscriptionIdentifiersNotSupported,
            .wildcardSubscriptionsNotSupported:
            version.hasProperties
        default: false
        }
    }
}
