// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension Unsubscribe {
    /// Reads what is behind the fixed header (MQTT 5.0, 3.10).
    init(from reader: inout WireReader) throws(DecodingError) {
        self.init(packetID: try reader.readPacketID(), filters: [])
        self.properties = try Properties(from: &reader, in: .unsubscribe)
        // MQTT-3.10.3-2.
        guard !reader.isAtEnd else { throw DecodingError(.protocolError, "An UNSUBSCRIBE has no filter") }
        while !reader.isAtEnd { self.filters.append(try reader.readFilter()) }
    }

    /// The bytes behind the fixed header, once the packet is found to be sendable.
    func remainingLength(version: ProtocolVersion) throws(EncodingError) -> Int {
        guard !self.filters.isEmpty else { throw EncodingError(.invalidFilter, "An UNSUBSCRIBE needs a filter") }
        var length = 2 + (try self.properties.checkedBlockSize(in: .unsubscribe, version: version))
        for filter in self.filters { length += try WireString.checkedFilterSize(filter, version: version) }
        return length
    }

    func writeBody(to buffer: inout ByteBuffer, version: ProtocolVersion) {
        buffer.writeInteger(self.packetID.rawValue)
        self.properties.writeBlock(to: &buffer, version: version)
        for filter in self.filters { buffer.writeWireString(filter) }
    }
}
