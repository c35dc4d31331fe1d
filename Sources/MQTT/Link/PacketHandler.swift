// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTTransport
import MQTTWire
package import NIOCore

/// Turns bytes into packets, a burst at a time, and forwards them to the link.
package final class PacketHandler: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer

    private var decoder: PacketDecoder
    private var bursts: [PacketBurst] = []
    private var count = 0
    /// Where the channel's buffers come from, when they come here as they were read.
    private let readBuffers: ReadBuffers?
    /// Whether the next read goes on behind the beginning of a large packet.
    private var isLending = false
    private let link: Link
    private let attempt: UInt64
    /// Whether the peer has sent a packet.
    private var hasBegun = false

    /// More packets than this are handed over before the read burst ends, so that memory stays bounded.
    private static let burstLimit = 16_384

    init(
        link: Link,
        attempt: UInt64,
        readBuffers: ReadBuffers?,
        settings: LinkSettings
    ) {
        self.readBuffers = readBuffers
        self.link = link
        self.attempt = attempt
        self.decoder = PacketDecoder(
            version: settings.version,
            role: .client,
            maximumPacketSize: settings.maximumPacketSize,
            topicAliasMaximum: settings.topicAliasMaximum
        )
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        do throws(DecodingError) {
            let before = self.bursts.count
            defer { for burst in self.bursts[before...] { self.count += burst.entries.count } }
            try self.decoder.decode(self.isLending ? buffer : Self.compact(buffer), into: &self.bursts)
            self.prepareRead(after: buffer)
        } catch {
            self.handOver()
            self.malformed(error, buffer)
            return
        }
        if self.count >= Self.burstLimit { self.handOver() }
    }

    /// Says where the next read goes.
    private func prepareRead(after buffer: ByteBuffer) {
        guard let readBuffers = self.readBuffers else { return }
        let wasLending = self.isLending
        let loan = self.decoder.lendBeginning()
        self.isLending = loan != nil
        // A buffer that goes on being lent must not be held here as well: it would be copied to be written to.
        if !wasLending || loan?.beginning.readableBytes != buffer.readableBytes { readBuffers.takeBack(buffer) }
        if let loan { readBuffers.goOn(in: loan.beginning, roomFor: loan.room) }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        if self.bursts.isEmpty { self.link.bytesReceived(attempt: self.attempt) } else { self.handOver() }
        context.fireChannelReadComplete()
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.link.flush() }
        context.fireChannelWritabilityChanged()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        self.handOver()
        let words = "the connection was closed by the other side\(self.hint)"
        self.link.lost(words, cause: nil, attempt: self.attempt)
        context.fireChannelInactive()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let explained = self.endpoint.map { ChannelStages.describe(error, from: $0) } ?? error
        let words = "the connection failed\(self.hint): \(explained)"
        self.link.lost(words, cause: explained, attempt: self.attempt)
        context.close(promise: nil)
    }

    /// For errors: the world has one for its dials, so that a connection need not keep any.
    private var endpoint: Endpoint? { self.link.dialedEndpoint }

    /// What may be behind an end before the first packet.
    private var hint: String {
        guard !self.hasBegun, let endpoint = self.endpoint else { return "" }
        return " before it said anything; is it an MQTT server\(endpoint.isSecure ? "" : ", and without TLS")?"
    }

    /// The peer does not speak MQTT, or not by its rules.
    private func malformed(_ error: DecodingError, _ buffer: ByteBuffer) {
        guard !self.hasBegun, let endpoint = self.endpoint,
            let foreign = TransportError(foreignProtocolIn: buffer, from: endpoint)
        else {
            self.link.malformed(error, attempt: self.attempt)
            return
        }
        self.link.lost(foreign.message, as: .transportFailed, cause: foreign, attempt: self.attempt)
    }

    private func handOver() {
        guard !self.bursts.isEmpty else { return }
        self.hasBegun = true
        // Taken out: closing the channel calls back into this handler before the link returns.
        var bursts: [PacketBurst] = []
        swap(&bursts, &self.bursts)
        self.count = 0
        self.link.received(bursts, attempt: self.attempt)
    }

    /// A small message must not pin a large read buffer.
    private static func compact(_ buffer: ByteBuffer) -> ByteBuffer {
        guard buffer.readableBytes < buffer.capacity / 2 else { return buffer }
        return ByteBuffer(buffer: buffer, exactly: buffer.readableBytes)
    }
}

extension ByteBuffer {
    /// A copy with storage of just this size.
    fileprivate init(buffer: ByteBuffer, exactly size: Int) {
        self.init()
        self.reserveCapacity(size)
        self.writeImmutableBuffer(buffer)
    }
}
