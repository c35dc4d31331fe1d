// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Subscribe {
    /// Reads what is behind the fixed header (MQTT 5.0, 3.8).
    init(from reader: inout WireReader) throws(DecodingError) {
        self.init(packetID: try reader.readPacketID(), entries: [])
        self.properties = try Properties(from: &reader, in: .subscribe)
        // MQTT-3.8.3-2.
        guard !reader.isAtEnd else { throw DecodingError(.protocolError, "A SUBSCRIBE has no filter") }
        while !reader.isAtEnd {
            let filter = try reader.readFilter()
            let options = try SubscriptionOptions(wire: try reader.readByte(), version: reader.version)
            // MQTT-3.8.3-4.
            guard !options.noLocal || !WireString.isShared(filter) else {
                throw DecodingError(.protocolError, "A shared subscription has No Local")
            }
            self.entries.append(Entry(filter: filter, options: options))
        }
    }

    /// The bytes behind the fixed header, once the packet is found to be sendable.
    func remainingLength(version: ProtocolVersion) throws(EncodingError) -> Int {
        guard !self.entries.isEmpty else { throw EncodingError(.invalidFilter, "A SUBSCRIBE needs a filter") }
        var length = 2 + (try self.properties.checkedBlockSize(in: .subscribe, version: version))
        for entry in self.entries {
            length += 1 + (try WireString.checkedFilterSize(entry.filter, version: version))
            guard version.hasProperties || entry.options.wire <= QoS.exactlyOnce.rawValue else {
                throw EncodingError(.notInThisVersion, "Before MQTT 5.0 the QoS is the only subscription option")
            }
            guard !entry.options.noLocal || !WireString.isShared(entry.filter) else {
                throw EncodingError(.invalidFilter, "A shared subscription cannot have No Local")
            }
        }
        return length
    }

    func writeBody(to buffer: inout ByteBuffer, version: ProtocolVersion) {
        buffer.writeInteger(self.packetID.rawValue)
        self.properties.writeBlock(to: &buffer, version: version)
        for entry in self.entries {
            buffer.writeWireString(entry.filter)
            buffer.writeInteger(entry.options.wire)
        }
    }
}

extension SubscriptionOptions {
    /// Reads the byte behind a filter (MQTT 5.0, 3.8.3.1).
    fileprivate init(wire byte: UInt8, version: ProtocolVersion) throws(DecodingError) {
        // MQTT-3.8.3-5; MQTT 3.1.1, MQTT-3.8.3-4.
        guard byte & (version.hasProperties ? 0b1100_0000 : 0b1111_1100) == 0 else {
            throw DecodingError(.malformedPacket, "Reserved bits of a subscription option are set")
        }
        guard let qos = QoS(rawValue: byte & 0b11) else {
            let reason = version.hasProperties ? ReasonCode.protocolError : .malformedPacket
            throw DecodingError(reason, "A subscription asks for QoS 3")
        }
        guard let retainHandling = RetainHandling(rawValue: byte >> 4 & 0b11) else {
            throw DecodingError(.protocolError, "A subscription has retain handling 3")
        }
        self.init(
            qos: qos,
            noLocal: byte & 0b0100 != 0,
            retainAsPublished: byte & 0b1000 != 0,
            retainHandling: retainHandling
        )
    }

    /// The byte behind a filter.
    fileprivate var wire: UInt8 {
        self.qos.rawValue | (self.noLocal ? 0b0100 : 0) | (self.retainAsPublished ? 0b1000 : 0)
            | self.retainHandling.rawValue << 4
    }
}
