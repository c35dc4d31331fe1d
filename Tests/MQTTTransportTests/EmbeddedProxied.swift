// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTTransport
import NIOCore
import NIOEmbedded

/// A channel that is no socket, with a test in the place of the proxy at its other end.
final class EmbeddedProxied {
    let channel = EmbeddedChannel()
    private(set) var result: Result<Void, any Error>?
    private let collector = Collected()

    init(_ proxy: ProxySettings, host: String = "broker.example", port: Int = 1883) throws {
        let stages = try ChannelStages(for: .tcp(host, port: port), through: proxy)
        try self.channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let (channel, collector) = (self.channel, self.collector)
        stages.configure(channel).assumeIsolated().whenComplete { result in
            self.result = result
            // What the caller adds in the callback gets every byte.
            if case .success = result { try? channel.pipeline.syncOperations.addHandler(collector) }
        }
    }

    var isOpen: Bool { if case .success? = self.result { true } else { false } }

    var error: TransportError? {
        guard case .failure(let error)? = self.result else { return nil }
        return error as? TransportError
    }

    /// What the caller's handlers got.
    var received: String { String(buffer: self.collector.bytes) }

    /// What the proxy has been sent since.
    func said() throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let buffer = try self.channel.readOutbound(as: ByteBuffer.self) { bytes += buffer.readableBytesView }
        return bytes
    }

    /// The proxy says something.
    func say(_ bytes: [UInt8]) throws {
        guard !bytes.isEmpty else { return }
        try self.channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    func say(_ text: String) throws { try self.say(Array(text.utf8)) }

    /// The proxy closes the connection.
    func close() { _ = try? self.channel.finish() }

    func finish() { _ = try? self.channel.finish(acceptAlreadyClosed: true) }
}

private final class Collected: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var bytes = ByteBuffer()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.bytes.writeImmutableBuffer(self.unwrapInboundIn(data))
    }
}
