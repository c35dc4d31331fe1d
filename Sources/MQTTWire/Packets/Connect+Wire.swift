// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The connect flags (MQTT 5.0, 3.1.2.3).
private enum ConnectFlags {
    static let reserved: UInt8 = 0x01
    static let cleanStart: UInt8 = 0x02
    static let will: UInt8 = 0x04
    static let willQoS: UInt8 = 0x18
    static let willRetain: UInt8 = 0x20
    static let password: UInt8 = 0x40
    static let username: UInt8 = 0x80
}

extension Connect {
    /// Reads what is behind the fixed header (MQTT 5.0, 3.1); the reader learns the version from it.
    init(from reader: inout WireReader) throws(DecodingError) {
        reader.version = try Self.readVersion(&reader)
        let flags = try reader.readByte()
        try Self.check(flags, version: reader.version)
        self.init(clientID: "", cleanStart: flags & ConnectFlags.cleanStart != 0, keepAlive: try reader.readUInt16())
        self.properties = try Properties(from: &reader, in: .connect)
        self.clientID = try reader.readString()
        if flags & ConnectFlags.will != 0 { self.will = try Will(from: &reader, flags: flags) }
        if Self.isPresent(flags & ConnectFlags.username, &reader) { self.username = try reader.readString() }
        if Self.isPresent(flags & ConnectFlags.password, &reader) { self.password = try reader.readBinary() }
    }

    /// MQTT-3.1.2-1, MQTT-3.1.2-2.
    private static func readVersion(_ reader: inout WireReader) throws(DecodingError) -> ProtocolVersion {
        let name = try reader.readString()
        guard let version = ProtocolVersion(rawValue: try reader.readByte()), version.protocolName == name else {
            throw DecodingError(.unsupportedProtocolVersion, "A CONNECT is of an unknown protocol or version")
        }
        return version
    }

    private static func check(_ flags: UInt8, version: ProtocolVersion) throws(DecodingError) {
        // MQTT-3.1.2-3. In 3.1 the bit is just not used.
        guard flags & ConnectFlags.reserved == 0 || version == .v31 else {
            throw DecodingError(.malformedPacket, "The reserved flag of a CONNECT is set")
        }
        // MQTT-3.1.2-11, MQTT-3.1.2-13.
        guard flags & ConnectFlags.will != 0 || flags & (ConnectFlags.willQoS | ConnectFlags.willRetain) == 0 else {
            throw DecodingError(.malformedPacket, "A CONNECT describes a will it does not have")
        }
        // MQTT 3.1.1, MQTT-3.1.2-22.
        guard version.hasProperties || flags & ConnectFlags.password == 0 || flags & ConnectFlags.username != 0 else {
            throw DecodingError(.malformedPacket, "A CONNECT before 5.0 has a password but no user name")
        }
    }

    /// In 3.1 the length of the packet has precedence over the flag (MQTT 3.1, 3.1, User name and password flags).
    private static func isPresent(_ flag: UInt8, _ reader: inout WireReader) -> Bool {
        flag != 0 && !(reader.version == .v31 && reader.isAtEnd)
    }

    /// The bytes behind the fixed header, once the packet is found to be sendable.
    func remainingLength(version: ProtocolVersion) throws(EncodingError) -> Int {
        guard version.hasProperties || self.password == nil || self.username != nil else {
            throw EncodingError(.notInThisVersion, "Before MQTT 5.0 a password needs a user name")
        }
        var length = WireString.size(version.protocolName) + 4
        length += try self.properties.checkedBlockSize(in: .connect, version: version)
        length += try WireString.checkedSize(self.clientID, "The client identifier")
        if let will = self.will { length += try will.checkedSize(version: version) }
        if let username = self.username { length += try WireString.checkedSize(username, "The user name") }
        if let password = self.password { length += try WireString.checkedSize(password, "The password") }
        return length
    }

    func writeBody(to buffer: inout ByteBuffer, version: ProtocolVersion) {
        buffer.writeWireString(version.protocolName)
        buffer.writeInteger(version.rawValue)
        buffer.writeInteger(self.flags)
        buffer.writeInteger(self.keepAlive)
        self.properties.writeBlock(to: &buffer, version: version)
        buffer.writeWireString(self.clientID)
        if let will = self.will { will.write(to: &buffer, version: version) }
        if let username = self.username { buffer.writeWireString(username) }
        if let password = self.password { buffer.writeWireBinary(password) }
    }

    /// All derived from what is there, so that they cannot disagree with it (MQTT-3.1.2-9 to MQTT-3.1.2-19).
    private var flags: UInt8 {
        var flags: UInt8 = self.cleanStart ? ConnectFlags.cleanStart : 0
        if let will = self.will {
            flags |= ConnectFlags.will | will.qos.rawValue << 3 | (will.retain ? ConnectFlags.willRetain : 0)
        }
        if self.username != nil { flags |= ConnectFlags.username }
        if self.password != nil { flags |= ConnectFlags.password }
        return flags
    }
}

extension Will {
    fileprivate init(from reader: inout WireReader, flags: UInt8) throws(DecodingError) {
        // MQTT-3.1.2-12.
        guard let qos = QoS(rawValue: (flags & ConnectFlags.willQoS) >> 3) else {
            throw DecodingError(.malformedPacket, "A will has QoS 3")
        }
        let properties = try Properties(from: &reader, in: .will)
        let topic = try reader.readTopicName()
        self.init(
            topic: topic,
            payload: try reader.readBinary(),
            qos: qos,
            retain: flags & ConnectFlags.willRetain != 0,
            properties: properties
        )
    }

    fileprivate func checkedSize(version: ProtocolVersion) throws(EncodingError) -> Int {
        try self.properties.checkedBlockSize(in: .will, version: version)
            + WireString.checkedTopicNameSize(self.topic)
            + WireString.checkedSize(self.payload, "The payload of the will")
    }

    fileprivate func write(to buffer: inout ByteBuffer, version: ProtocolVersion) {
        self.properties.writeBlock(to: &buffer, version: version)
        buffer.writeWireString(self.topic)
        buffer.writeWireBinary(self.payload)
    }
}
