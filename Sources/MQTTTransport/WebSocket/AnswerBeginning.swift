// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Keeps the first bytes of an answer for the case that they are no HTTP, and ends one that has no end.
final class AnswerBeginning: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    /// The head and informational answers before it are far shorter, and of a body only the beginning is waited for.
    static let limit = 4 * 65_536

    private static let kept = 256

    private(set) var bytes: [UInt8] = []
    private(set) var isTooLong = false
    private var count = 0

    /// Bytes of an HTTP answer, as far as one can see.
    var isHTTP: Bool { zip(self.bytes, "HTTP/".utf8).allSatisfy(==) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.bytes += buffer.readableBytesView.prefix(Self.kept - self.bytes.count)
        self.count += buffer.readableBytes
        guard self.count <= Self.limit else {
            self.isTooLong = true
            context.fireErrorCaught(ChannelError.inputClosed)
            return
        }
        context.fireChannelRead(data)
    }

    /// What the server called the status, where it is the first line that came.
    func reasonPhrase(of status: UInt) -> String? {
        let line = self.bytes.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
        // Cut off: not the whole phrase.
        guard line.count < self.bytes.count else { return nil }
        let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard parts.count == 3, parts[1].elementsEqual("\(status)".utf8) else { return nil }
        return PeerText(parts[2]).description
    }
}
