// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import NIOCore

/// The bytes to write next, encoded one behind the other; large payloads are handed over without a copy.
///
/// Two buffers take turns: one is filled while the socket takes the other.
struct Outbox {
    /// What was taken out, to be written in this order.
    struct Contents {
        /// Everything but large payloads.
        var bytes: ByteBuffer
        /// Large payloads, each with the place in `bytes` where it belongs.
        var payloads: [(offset: Int, payload: ByteBuffer)]

        /// Writes everything to the channel.
        func write(to channel: any Channel, promise: EventLoopPromise<Void>? = nil) {
            guard !self.payloads.isEmpty else { return channel.writeAndFlush(self.bytes, promise: promise) }
            var rest = self.bytes
            var begin = 0
            for (offset, payload) in self.payloads {
                if let head = rest.readSlice(length: offset - begin) { channel.write(head, promise: nil) }
                channel.write(payload, promise: nil)
                begin = offset
            }
            // Empty when the last packet had a large payload; the promise goes with it all the same.
            channel.writeAndFlush(rest, promise: promise)
        }
    }

    private var bytes = ByteBuffer()
    private var payloads: [(offset: Int, payload: ByteBuffer)] = []
    private var payloadBytes = 0
    /// What was taken last: it is used again when nobody else holds it any more.
    private var written = ByteBuffer()
    private let encoder: PacketEncoder
    private var aliases = OutboundAliases()

    /// Payloads of this size and above are not copied; measured: at 4 KiB the copy is cheaper, at 16 KiB it costs a third.
    private static let copyLimit = 16_384
    /// A buffer that is much larger than what it was needed for is let go of.
    private static let keptCapacity = 16_384
    private static let largestReserve = 1 << 20

    init(version: ProtocolVersion) { self.encoder = PacketEncoder(version: version) }

    /// A connection stands: from here on the server knows the topic aliases that are written.
    mutating func connected(_ limits: NegotiatedLimits, policy: TopicAliasPolicy) {
        self.aliases.begin(
            maximum: limits.topicAliasMaximum,
            automaticLimit: policy.automaticLimit,
            maximumPacketSize: limits.maximumPacketSize
        )
    }

    /// The connection ended: takes what is left to be written to it; what comes next is for another.
    mutating func disconnected() -> Contents {
        self.aliases.end()
        return self.take()
    }

    /// Bytes that wait to be written.
    var count: Int { self.payloadBytes + self.bytes.readableBytes }

    /// Appends a packet.
    mutating func append(_ packet: Packet) throws(EncodingError) {
        try self.encoder.encode(packet, into: &self.bytes)
    }

    /// Appends an answer.
    mutating func append(_ answer: Answer) throws(EncodingError) {
        guard answer.reason == .success else { return try self.append(answer.packet) }
        switch answer.kind {
        case .pubAck: self.appendPlain(.pubAck, answer.packetID)
        case .pubRec: self.appendPlain(.pubRec, answer.packetID)
        case .pubComp: self.appendPlain(.pubComp, answer.packetID)
        }
    }

    /// Appends a PUBLISH, which was checked when its frame was made.
    mutating func append(_ frame: PublishFrame, packetID: PacketID?, duplicate: Bool) {
        // What is sent again may have to be sent on yet another connection: always with its topic (MQTT-3.3.2-7).
        if self.aliases.isAutomatic || frame.requestedAlias > 0, !duplicate, let alias = self.aliases.alias(for: frame)
        {
            return self.append(frame, alias, packetID: packetID)
        }
        guard frame.message.payload.readableBytes >= Self.copyLimit else {
            frame.write(packetID: packetID, duplicate: duplicate, into: &self.bytes)
            return
        }
        frame.writeHead(packetID: packetID, duplicate: duplicate, into: &self.bytes)
        self.hold(frame.message.payload)
    }

    /// Appends a PUBLISH with a topic alias.
    private mutating func append(_ frame: PublishFrame, _ alias: TopicAlias, packetID: PacketID?) {
        let isCopied = frame.message.payload.readableBytes < Self.copyLimit
        frame.write(alias, packetID: packetID, withPayload: isCopied, into: &self.bytes)
        if !isCopied { self.hold(frame.message.payload) }
    }

    /// Puts a large payload behind what has been written.
    private mutating func hold(_ payload: ByteBuffer) {
        self.payloadBytes += payload.readableBytes
        self.payloads.append((self.bytes.readableBytes, payload))
    }

    /// Appends an acknowledgement that says success and nothing else.
    mutating func appendPlain(_ kind: PacketBurst.Kind, _ id: PacketID) {
        PacketEncoder.encodePlain(kind, id, into: &self.bytes)
    }

    /// Takes everything.
    mutating func take() -> Contents {
        let contents = Contents(bytes: self.bytes, payloads: self.payloads)
        let isOversized = self.written.capacity > max(Self.keptCapacity, 8 * self.bytes.readableBytes)
        // Keeps its storage when nobody else holds it any more; the next burst is probably like this one.
        if isOversized { self.written = ByteBuffer() }
        self.written.clear(minimumCapacity: min(self.bytes.readableBytes, Self.largestReserve))
        swap(&self.bytes, &self.written)
        if !self.payloads.isEmpty { self.payloads = [] }
        self.payloadBytes = 0
        return contents
    }
}
