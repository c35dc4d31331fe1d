// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Auth {
    /// Reads what is behind the fixed header (MQTT 5.0, 3.15).
    ///
    /// Nothing means success without properties.
    init(from reader: inout WireReader) throws(DecodingError) {
        let isShort = reader.isAtEnd
        let reason = isShort ? ReasonCode.success : ReasonCode(rawValue: try reader.readByte())
        guard Self.isLegal(reason, readBy: reader.role) else {
            throw DecodingError(.protocolError, "An AUTH has a reason code its sender may not use")
        }
        self.init(reason: reason)
        guard !isShort else { return }
        self.properties = try Properties(from: &reader, in: .auth)
        // MQTT 5.0, 3.15.2.2.2.
        guard self.properties.authenticationMethod != nil else {
            throw DecodingError(.protocolError, "An AUTH names no authentication method")
        }
    }

    /// The bytes behind the fixed header, once the packet is found to be sendable.
    func remainingLength(version: ProtocolVersion) throws(EncodingError) -> Int {
        guard version.hasProperties else { throw EncodingError(.notInThisVersion, "There is no AUTH before MQTT 5.0") }
        guard Self.isLegal(self.reason, readBy: .client) || Self.isLegal(self.reason, readBy: .server) else {
            throw EncodingError(.invalidField, "An AUTH cannot say \(self.reason)")
        }
        if self.isShort { return 0 }
        guard self.properties.authenticationMethod != nil else {
            throw EncodingError(.invalidProperty, "An AUTH must name the authentication method")
        }
        return 1 + (try self.properties.checkedBlockSize(in: .auth, version: version))
    }

    private var isShort: Bool { self.reason == .success && self.properties.isEmpty }

    func writeBody(to buffer: inout ByteBuffer, version: ProtocolVersion) {
        guard !self.isShort else { return }
        buffer.writeInteger(self.reason.rawValue)
        self.properties.writeBlock(to: &buffer, version: version)
    }

    /// MQTT-3.15.2-1: only a server ends an exchange, only a client begins another.
    private static func isLegal(_ reason: ReasonCode, readBy role: PacketDecoder.Role) -> Bool {
        switch reason {
        case .continueAuthentication: true
        case .success: role == .client
        case .reauthenticate: role == .server
        default: false
        }
    }
}
