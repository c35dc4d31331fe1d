// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// How a PUBLISH names its topic beside, or instead of, the name (MQTT 5.0, 3.3.2.3.4).
package struct TopicAlias: Hashable, Sendable {
    /// 1 to the receiver's maximum.
    package let number: UInt16
    /// Whether the receiver knows what the number stands for, so that the name is left out.
    package let isKnown: Bool

    package init(_ number: UInt16, isKnown: Bool) {
        self.number = number
        self.isKnown = isKnown
    }
}

extension PublishFrame {
    /// What an alias takes as a property: its identifier and two bytes.
    private static let aliasSize = 3

    /// The bytes of the whole packet when it is sent with an alias.
    package func size(with alias: TopicAlias) -> Int {
        let length = self.remainingLength(with: alias, content: self.message.properties.contentSize)
        return 1 + VariableByteInteger.size(of: length) + length
    }

    /// The remaining length with an alias, for properties whose content takes so many bytes without it.
    private func remainingLength(with alias: TopicAlias, content: Int) -> Int {
        let grown = content + Self.aliasSize
        let name = alias.isKnown ? self.message.topic.utf8.count : 0
        return self.remainingLength - name + Self.aliasSize
            + VariableByteInteger.size(of: grown) - VariableByteInteger.size(of: content)
    }

    /// Appends the packet with an alias, for the first time, with its payload or without.
    ///
    /// Only when ``size(with:)`` is no more than a packet may have; never before 5.0.
    package func write(
        _ alias: TopicAlias,
        packetID: PacketID?,
        withPayload: Bool,
        into buffer: inout ByteBuffer
    ) {
        let content = self.message.properties.contentSize
        let length = self.remainingLength(with: alias, content: content)
        let payloadSize = self.message.payload.readableBytes
        let size = 1 + VariableByteInteger.size(of: length) + length
        let room = withPayload ? size : size - payloadSize
        guard content == 0 else {
            buffer.reserveCapacity(minimumWritableBytes: room)
            self.writeFields(packetID: packetID, length: length, withName: !alias.isKnown, into: &buffer)
            buffer.writeVariableByteInteger(content + Self.aliasSize)
            self.message.properties.writeContent(behind: alias.number, to: &buffer)
            if withPayload { buffer.writeImmutableBuffer(self.message.payload) }
            return
        }
        // Every store is inside `room` because `size` is the sum of exactly these fields.
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
            let isKnown = alias.isKnown
            let end = self.storeFields(packetID: packetID, length: length, withName: !isKnown, into: bytes)
            let block =
                UInt32(Self.aliasSize) << 24 | UInt32(PropertyID.topicAlias.rawValue) << 16 | UInt32(alias.number)
            bytes.storeBytes(of: block.bigEndian, toByteOffset: end, as: UInt32.self)
            return withPayload ? self.storePayload(into: bytes, at: end + 4) : end + 4
        }
    }
}
