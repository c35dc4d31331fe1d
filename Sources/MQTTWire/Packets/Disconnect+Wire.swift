// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Disconnect {
    /// Reads what is behind the fixed header (MQTT 5.0, 3.14).
    ///
    /// Nothing means a normal disconnection.
    init(from reader: inout WireReader) throws(DecodingError) {
        guard reader.version.hasProperties, !reader.isAtEnd else {
            self.init()
            return
        }
        let reason = ReasonCode(rawValue: try reader.readByte())
        guard reader.role == .client ? Self.isServers(reason) : Self.isClients(reason) else {
            throw DecodingError(.protocolError, "A DISCONNECT has a reason code its sender may not use")
        }
        let properties = reader.isAtEnd ? Properties() : try Properties(from: &reader, in: .disconnect)
        self.init(reason: reason, properties: properties)
    }

    /// The bytes behind the fixed header, once the packet is found to be sendable.
    func remainingLength(version: ProtocolVersion) throws(EncodingError) -> Int {
        let properties = try self.properties.checkedBlockSize(in: .disconnect, version: version)
        if self.reason == .normalDisconnection, self.properties.isEmpty { return 0 }
        guard version.hasProperties else {
            throw EncodingError(.notInThisVersion, "A DISCONNECT gives no reason before MQTT 5.0")
        }
        guard Self.isServers(self.reason) || Self.isClients(self.reason) else {
            throw EncodingError(.invalidField, "A DISCONNECT cannot say \(self.reason)")
        }
        return self.properties.isEmpty ? 1 : 1 + properties
    }

    func writeBody(to buffer: inout ByteBuffer, version: ProtocolVersion) {
        guard self.reason != .normalDisconnection || !self.properties.isEmpty else { return }
        buffer.writeInteger(self.reason.rawValue)
        if !self.properties.isEmpty { self.properties.writeBlock(to: &buffer, version: version) }
    }

    /// Whether a client may send it: its reason and its properties are not those of a server.
    package var mayComeFromClient: Bool {
        Self.isClients(self.reason) && self.properties.serverReference == nil
    }

    /// MQTT-3.14.2-1: what a client may send.
    private static func isClients(_ reason: ReasonCode) -> Bool {
        switch reason {
        case .disconnectWithWill: true
        default: Self.isBoth(reason)
        }
    }

    /// MQTT-3.14.2-1: what a server may send.
    ///
    /// 0x8C is in the list of section 2.4, though not in that of 3.14.2.1.
    private static func isServers(_ reason: ReasonCode) -> Bool {
        switch reason {
        case .notAuthorized, .serverBusy, .serverShuttingDown, .badAuthenticationMethod, .keepAliveTimeout,
            .sessionTakenOver, .topicFilterInvalid, .retainNotSupported, .qosNotSupported, .useAnotherServer,
            .serverMoved, .sharedSubscriptionsNotSupported, .connectionRateExceeded, .maximumConnectTime,
            .subscriptionIdentifiersNotSupported, .wildcardSubscriptionsNotSupported:
            true
        default: Self.isBoth(reason)
        }
    }

    private static func isBoth(_ reason: ReasonCode) -> Bool {
        switch reason {
        case .normalDisconnection, .unspecifiedError, .malformedPacket, .protocolError, .implementationSpecificError,
            .topicNameInvalid, .receiveMaximumExceeded, .topicAliasInvalid, .packetTooLarge, .messageRateTooHigh,
            .quotaExceeded, .administrativeAction, .payloadFormatInvalid:
            true
        default: false
        }
    }
}
