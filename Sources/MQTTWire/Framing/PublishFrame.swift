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

    private let remainingLength: Int
    private let hasProperties: Bool

    /// Checks a client's message: its topic, its properties, its size.
    package init(_ message: consuming OutgoingMessage, version: ProtocolVersion) throws(EncodingError) {
        // MQTT-3.3.4-6. One look is enough for the many messages that have no properties.
        if !message.properties.isEmpty, message.properties.subscriptionIdentifier != nil {
            throw EncodingError(.invalidProperty, "Only a server's PUBLISH carries subscription identifiers")
        }
        try self.init(fromEitherEnd: consume message, version: version)
    }

    /// The same, but subscription identifiers are allowed, which only servers send.
    init(fromEitherEnd message: consuming OutgoingMessage, version: ProtocolVersion) throws(EncodingError) {
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
            self.writeFields(packetID: packetID, duplicate: duplicate, into: &buffer)
            self.message.properties.writeBlock(to: &buffer, version: .v5)
            if withPayload { buffer.writeImmutableBuffer(self.message.payload) }
            return
        }
        // The common message, without properties: one reservation, then plain stores. Every store is inside `room`
        // because `size` is the sum of exactly these fields.
        let room = withPayload ? self.size : self.size - payloadSize
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
            var end = self.storeFields(packetID: packetID, duplicate: duplicate, into: bytes)
            if self.hasProperties {
                bytes[end] = 0
                end += 1
            }
            guard withPayload else { return end }
            self.message.payload.withUnsafeReadableBytes { payload in
                UnsafeMutableRawBufferPointer(rebasing: bytes[end..<end + payload.count]).copyMemory(from: payload)
            }
            return end + payloadSize
        }
    }

    /// DUP only on what is acknowledged (MQTT-3.3.1-2).
    private func firstByte(duplicate: Bool) -> UInt8 {
        let isRepeated = duplicate && self.message.qos != .atMostOnce
        return PacketType.publish.rawValue << 4 | (isRepeated ? 0b1000 : 0) | self.message.qos.rawValue << 1
            | (self.message.retain ? 1 : 0)
    }

    private func writeFields(packetID: PacketID?, duplicate: Bool, into buffer: inout ByteBuffer) {
        buffer.writeInteger(self.firstByte(duplicate: duplicate))
        buffer.writeVariableByteInteger(self.remainingLength)
        buffer.writeWireString(self.message.topic)
        if let packetID { buffer.writeInteger(packetID.rawValue) }
    }

    /// Stores the same as ``writeFields(packetID:duplicate:into:)`` at the beginning of some room; returns its end.
    @inline(__always)
    private func storeFields(packetID: PacketID?, duplicate: Bool, into bytes: UnsafeMutableRawBufferPointer) -> Int {
        bytes[0] = self.firstByte(duplicate: duplicate)
        var end = 1
        var rest = self.remainingLength
        while rest >= 128 {
            bytes[end] = UInt8(truncatingIfNeeded: rest) | 0x80
            rest >>= 7
            end += 1
        }
        bytes[end] = UInt8(truncatingIfNeeded: rest)
        end += 1
        var topic = self.message.topic
        topic.withUTF8 { text in
            let length = UInt16(truncatingIfNeeded: text.count)
            bytes.storeBytes(of: length.bigEndian, toByteOffset: end, as: UInt16.self)
            UnsafeMutableRawBufferPointer(rebasing: bytes[end + 2..<end + 2 + text.count])
                .copyMemory(from: UnsafeRawBufferPointer(text))
            end += 2 + text.count
        }
        guard let packetID else { return end }
        bytes.storeBytes(of: packetID.rawValue.bigEndian, toByteOffset: end, as: UInt16.self)
        return end + 2
    }
}
