// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Looks, in front of TLS, whether the first bytes of the server are TLS at all; leaves the pipeline when they are.
final class PlaintextDetector: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let heard: (ByteBuffer) -> Void
    private var isPlaintext = false

    /// - Parameter heard: Called, once, with bytes that are no TLS; TLS does not see them.
    init(_ heard: @escaping (ByteBuffer) -> Void) {
        self.heard = heard
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.isPlaintext { return }
        let bytes = self.unwrapInboundIn(data)
        guard self.isRecord(bytes) else {
            self.isPlaintext = true
            self.heard(bytes)
            return
        }
        context.fireChannelRead(data)
        if bytes.readableBytes > 0 { context.pipeline.syncOperations.removeHandler(context: context, promise: nil) }
    }

    /// Whether this may be the beginning of a record of TLS: its type, then the version, which begins with 3 for all of them.
    private func isRecord(_ bytes: ByteBuffer) -> Bool {
        let start = bytes.readableBytesView.prefix(2)
        guard let type = start.first else { return true }
        return (0x14...0x17).contains(type) && (start.count < 2 || start.last == 3)
    }
}

extension TransportError {
    /// The server answered the beginning of TLS with something else.
    init(ofTLSWith endpoint: Endpoint, answeredWith bytes: some Collection<UInt8>) {
        let kind =
            switch PeerProtocol(beginning: bytes) {
            case .http: "it is an HTTP server without TLS"
            case .mqtt: "it seems to speak MQTT there without TLS"
            case .tls, nil: "check the port"
            }
        let words = Self.excerpt(bytes).map { "; it said: \($0)" } ?? ""
        self.init(.wrongProtocol, "\(endpoint) does not speak TLS on this port; \(kind)\(words).")
    }

    /// What can be read of the beginning of `bytes`, in quotes; nil when it is no text.
    private static func excerpt(_ bytes: some Collection<UInt8>) -> String? {
        func isReadable(_ byte: UInt8) -> Bool { (0x20...0x7E).contains(byte) || [0x09, 0x0A, 0x0D].contains(byte) }
        var beginning = Array(bytes.prefix(Secrets.limit + 1))
        // A few odd bytes do not make it less of a text; but text may be followed by something else.
        if beginning.count(where: isReadable) * 10 < beginning.count * 9 {
            beginning = Array(beginning.prefix(while: isReadable))
        }
        return beginning.count < 4 ? nil : Secrets().quote(beginning)
    }
}
