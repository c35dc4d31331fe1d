// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
package import NIOCore

/// Turns bytes into packets, a burst at a time, and forwards them to the link.
package final class PacketHandler: ChannelInboundHandler {
    package typealias InboundIn = ByteBuffer

    private var decoder: PacketDecoder
    private var burst: [Packet] = []
    private let link: Link
    private let attempt: UInt64

    /// More packets than this are handed over before the read burst ends, so that memory stays bounded.
    private static let burstLimit = 4_096

    init(link: Link, attempt: UInt64, version: ProtocolVersion, maximumPacketSize: Int) {
        self.link = link
        self.attempt = attempt
        self.decoder = PacketDecoder(version: version, role: .client, maximumPacketSize: maximumPacketSize)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        do throws(DecodingError) {
            try self.decoder.decode(Self.compact(buffer), into: &self.burst)
            if self.burst.count >= Self.burstLimit { self.handOver() }
        } catch {
            self.handOver()
            self.link.malformed(error, attempt: self.attempt)
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        self.handOver()
        context.fireChannelReadComplete()
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.link.flush() }
        context.fireChannelWritabilityChanged()
    }

    package func channelInactive(context: ChannelHandlerContext) {
        self.handOver()
        self.link.lost("the connection was closed by the other side", cause: nil, attempt: self.attempt)
        context.fireChannelInactive()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let explained = self.link.world.explain(error)
        self.link.lost("the connection failed: \(explained)", cause: explained, attempt: self.attempt)
        context.close(promise: nil)
    }

    private func handOver() {
        guard !self.burst.isEmpty else { return }
        // Taken out: closing the channel calls back into this handler before the link returns.
        var burst: [Packet] = []
        swap(&burst, &self.burst)
        self.link.received(&burst, attempt: self.attempt)
        guard self.burst.isEmpty else { return }
        burst.removeAll(keepingCapacity: true)
        swap(&burst, &self.burst)
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
