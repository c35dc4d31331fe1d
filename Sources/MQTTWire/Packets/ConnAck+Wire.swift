// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension ConnAck {
    /// Reads what is behind the fixed header (MQTT 5.0, 3.2).
    init(from reader: inout WireReader) throws(DecodingError) {
        let flags = try reader.readByte()
        let code = try reader.readByte()
        // MQTT-3.2.2-1. In 3.1 the byte is reserved and says nothing.
        guard flags & 0b1111_1110 == 0 || reader.version == .v31 else {
            throw DecodingError(.malformedPacket, "Reserved flags of a CONNACK are set")
        }
        let reason = try Self.reason(code, isShort: reader.isAtEnd, version: reader.version)
        let sessionPresent = flags & 1 != 0 && reader.version != .v31
        // MQTT-3.2.2-6.
        guard !sessionPresent || reason == .success else {
            throw DecodingError(.protocolError, "A CONNACK that refuses says that a session is present")
        }
        // The refusal of a server that knows only 3.x ends here (MQTT-3.1.2-2).
        let isRefusalOf3 = reader.isAtEnd && reason == .unsupportedProtocolVersion && code == 1
        let properties = isRefusalOf3 ? Properties() : try Properties(from: &reader, in: .connAck)
        self.init(sessionPresent: sessionPresent, reason: reason, properties: properties)
    }

    private static func reason(
        _ code: UInt8,
        isShort: Bool,
        version: ProtocolVersion
    ) throws(DecodingError)
        -> ReasonCode
    {
        if version.hasProperties {
            if isShort, code == 1 { return .unsupportedProtocolVersion }
            let reason = ReasonCode(rawValue: code)
            guard Self.isLegal(reason) else {
                throw DecodingError(.protocolError, "A CONNACK has a reason code of other packets, \(code)")
            }
            return reason
        }
        switch code {
        case 0: return .success
        case 1: return .unsupportedProtocolVersion
        case 2: return .clientIdentifierNotValid
        case 3: return .serverUnavailable
        case 4: return .badUserNameOrPassword
        case 5: return .notAuthorized
        default: throw DecodingError(.protocolError, "A CONNACK has an unknown return code, \(code)")
        }
    }

    /// The bytes behind the fixed header, once the packet is found to be sendable.
    func remainingLength(version: ProtocolVersion) throws(EncodingError) -> Int {
        guard Self.isLegal(self.reason) else {
            throw EncodingError(.invalidField, "A CONNACK cannot say \(self.reason)")
        }
        guard !self.sessionPresent || self.reason == .success else {
            throw EncodingError(.invalidField, "A CONNACK that refuses cannot say that a session is present")
        }
        return 2 + (try self.properties.checkedBlockSize(in: .connAck, version: version))
    }

    func writeBody(to buffer: inout ByteBuffer, version: ProtocolVersion) {
        // 3.1 has no way to say that a session is present.
        buffer.writeInteger(self.sessionPresent && version != .v31 ? 1 : 0, as: UInt8.self)
        buffer.writeInteger(version.hasProperties ? self.reason.rawValue : self.returnCode)
        self.properties.writeBlock(to: &buffer, version: version)
    }

    /// The return code of 3.x that comes nearest: what is no one's fault or not said is "server unavailable".
    private var returnCode: UInt8 {
        switch self.reason {
        case .success: 0
        case .unsupportedProtocolVersion: 1
        case .clientIdentifierNotValid: 2
        case .badUserNameOrPassword: 4
        case .notAuthorized, .banned, .badAuthenticationMethod: 5
        default: 3
        }
    }

    /// MQTT-3.2.2-8.
    private static func isLegal(_ reason: ReasonCode) -> Bool {
        switch reason {
        case .success, .unspecifiedError, .malformedPacket, .protocolError, .implementationSpecificError,
            .unsupportedProtocolVersion, .clientIdentifierNotValid, .badUserNameOrPassword, .notAuthorized,
            .serverUnavailable, .serverBusy, .banned, .badAuthenticationMethod, .topicNameInvalid, .packetTooLarge,
            .quotaExceeded, .payloadFormatInvalid, .retainNotSupported, .qosNotSupported, .useAnotherServer,
            .serverMoved, .connectionRateExceeded:
            true
        default: false
        }
    }
}
