// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// A message that has been found to be sendable, and what it takes on the wire (MQTT 5.0, 3.3).
///
/// Everything that can be refused is refused when it is made, so that writing it, perhaps many times, cannot fail.
package struct PublishFrame: Sendable, Hashable {
    package private(set) var message: OutgoingMessage
    /// The bytes of the whole packet, its fixed header included.
    package let size: Int

    let remainingLength: Int
    private let hasProperties: Bool
    /// The topic alias that a client's message asks for; 0 is none.
    ///
    /// It is no property of ``message`` any more: what is sent again or stored has its topic only.
    package let requestedAlias: UInt16

    /// Checks a client's message: its topic, its properties, its size.
    package init(_ message: consuming OutgoingMessage, version: ProtocolVersion) throws(EncodingError) {
        // One look is enough for the many messages that have no properties.
        var alias: UInt16 = 0
        if !message.properties.isEmpty {
            // MQTT-3.3.4-6.
            guard message.properties.subscriptionIdentifier == nil else {
                throw EncodingError(.invalidProperty, "Only a server's PUBLISH carries subscription identifiers")
            }
            alias = try Self.takeAlias(of: &message, version: version)
        }
        try self.init(fromEitherEnd: consume message, requestedAlias: alias, version: version)
    }

    /// Takes the alias out of the properties, once all of them are found to be sendable; 0 is none.
    private static func takeAlias(
        of message: inout OutgoingMessage,
        version: ProtocolVersion
    ) throws(EncodingError) -> UInt16 {
        guard let alias = message.properties.topicAlias else { return 0 }
        _ = try message.properties.checkedBlockSize(in: .publish, version: version)
        guard !message.topic.isEmpty else {
            throw EncodingError(.invalidTopic, "The topic is empty; give it with its alias, which then stands for it")
        }
        message.properties.topicAlias = nil
        return alias
    }

    /// Either end's message: subscription identifiers are allowed, and an alias, with or without a topic, stays as it is.
    init(
        fromEitherEnd message: consuming OutgoingMessage,
        requestedAlias: UInt16 = 0,
        version: ProtocolVersion
    ) throws(EncodingError) {
        var length = try message.properties.checkedBlockSize(in: .publish, version: version)
        let hasAlias = !message.properties.isEmpty && message.properties.topicAlias != nil
        length += try WireString.checkedTopicNameSize(message.topic, mayBeEmpty: hasAlias)
        length += message.qos == .atMostOnce ? 0 : 2
        length += message.payload.readableBytes
        guard length <= VariableByteInteger.maximum else {
            throw EncodingError(.tooLarge, "The message is larger than a packet can be")
        }
        self.remainingLength = length
        self.size = 1 + VariableByteInteger.size(of: length) + length
        self.hasProperties = version.hasProperties
        self.requestedAlias = requestedAlias
        self.message = message
    }

    /// The bytes of the payload.
    package var payloadSize: Int { self.message.payload.readableBytes }

    /// Changes the message expiry of a message that has one, in seconds; the size stays the same.
    package mutating func shortenExpiry(to seconds: UInt32) {
        guard self.message.properties.messageExpiryInterval != nil else { return }
        self.message.properties.messageExpiryInterval = seconds
    }

    /// Appends the whole packet.
    ///
    /// The identifier is there exactly when the QoS is not 0; DUP is never set at QoS 0.
    package func write(packetID: PacketID?, duplicate: Bool, into buffer: inout ByteBuffer) {
        self.write(packetID: packetID, duplicate: duplicate, withPayload: true, into: &buffer)
    }

    /// Appends all but the payload, for those who hand the payload over without a copy.
    package func writeHead(packetID: PacketID?, duplicate: Bool, into buffer: inout ByteBuffer) {
        self.write(packetID: packetID, duplicate: duplicate, withPayload: false, into: &buffer)
    }

    @inline(__always)
    private func write(packetID: PacketID?, duplicate: Bool, withPayload: Bool, into buffer: inout ByteBuffer) {
        guard (packetID != nil) == (self.message.qos != .atMostOnce) else {
            preconditionFailure("A PUBLISH has a packet identifier exactly when its QoS is not 0")
        }
        let payloadSize = self.message.payload.readableBytes
        guard self.message.properties.isEmpty else {
            buffer.reserveCapacity(minimumWritableBytes: withPayload ? self.size : self.size - payloadSize)
            let length = self.remainingLength
            self.writeFields(packetID: packetID, duplicate: duplicate, length: length, into: &buffer)
            self.message.properties.writeBlock(to: &buffer, version: .v5)
            if withPayload { buffer.writeImmutableBuffer(self.message.payload) }
            return
        }
        // The common message, without properties: one reservation, then plain stores. Every store is inside `room`
        // because `size` is the sum of exactly these fields.
        let room = withPayload ? self.size : self.size - payloadSize
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
            let length = self.remainingLength
            var end = self.storeFields(packetID: packetID, duplicate: duplicate, length: length, into: bytes)
            if self.hasProperties {
                bytes[end] = 0
                end += 1
            }
            return withPayload ? self.storePayload(into: bytes, at: end) : end
        }
    }

    /// Stores the payload at a place in some room; returns its end.
    @inline(__always)
    func storePayload(into bytes: UnsafeMutableRawBufferPointer, at start: Int) -> Int {
        self.message.payload.withUnsafeReadableBytes { payload in
            UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + payload.count]).copyMemory(from: payload)
            return start + payload.count
        }
    }

    /// DUP only on what is acknowledged (MQTT-3.3.1-2).
    private func firstByte(duplicate: Bool) -> UInt8 {
        let isRepeated = duplicate && self.message.qos != .atMostOnce
        return PacketType.publish.rawValue << 4 | (isRepeated ? 0b1000 : 0) | self.message.qos.rawValue << 1
            | (self.message.retain ? 1 : 0)
    }

    /// Writes what comes before the properties, for a packet of this remaining length.
    func writeFields(
        packetID: PacketID?,
        duplicate: Bool = false,
        length: Int,
        withName: Bool = true,
        into buffer: inout ByteBuffer
    ) {
        buffer.writeInteger(self.firstByte(duplicate: duplicate))
        buffer.writeVariableByteInteger(length)
        buffer.writeWireString(withName ? self.message.topic : "")
        if let packetID { buffer.writeInteger(packetID.rawValue) }
    }

    /// Stores the same as ``writeFields(packetID:duplicate:length:withName:into:)`` at the beginning of some room; returns
    /// its end.
    @inline(__always)
    func storeFields(
        packetID: PacketID?,
        duplicate: Bool = false,
        length: Int,
        withName: Bool = true,
        into bytes: UnsafeMutableRawBufferPointer
    ) -> Int {
        bytes[0] = self.firstByte(duplicate: duplicate)
        var end = 1
        var rest = length
        while rest >= 128 {
            bytes[end] = UInt8(truncatingIfNeeded: rest) | 0x80
            rest >>= 7
            end += 1
        }
        bytes[end] = UInt8(truncatingIfNeeded: rest)
        end += 1
        if withName {
            end = self.storeTopic(into: bytes, at: end)
        } else {
            bytes.storeBytes(of: 0, toByteOffset: end, as: UInt16.self)
            end += 2
        }
        guard let packetID else { return end }
        bytes.storeBytes(of: packetID.rawValue.bigEndian, toByteOffset: end, as: UInt16.self)
        return end + 2
    }

    @inline(__always)
    private func storeTopic(into bytes: UnsafeMutableRawBufferPointer, at end: Int) -> Int {
        var topic = self.message.topic
        return topic.withUTF8 { text in
            let length = UInt16(truncatingIfNeeded: text.count)
            bytes.storeBytes(of: length.bigEndian, toByteOffset: end, as: UInt16.self)
            UnsafeMutableRawBufferPointer(rebasing: bytes[end + 2..<end + 2 + text.count])
                .copyMemory(from: UnsafeRawBufferPointer(text))
            return end + 2 + text.count
        }
    }
}
