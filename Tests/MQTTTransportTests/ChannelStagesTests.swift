// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTTransport
import NIOCore
import NIOEmbedded
import NIOSSL
import NIOTLS
import Testing

/// The stages on channels that are no sockets, with every byte moved by hand.
@Suite(.timeLimit(.minutes(10))) struct ChannelStagesTests {
    private let certificates: TestCertificates
    private let endpoint: Endpoint

    init() throws {
        self.certificates = try TestCertificates.shared.get()
        self.endpoint = .tls("localhost", TLSSettings(trust: .file(self.certificates.path("ca.pem"))))
    }

    @Test func `without TLS the bytes can flow at once`() throws {
        let channel = EmbeddedChannel()
        var isReady = false
        try ChannelStages(for: .tcp("localhost")).configure(channel).assumeIsolated().whenSuccess { isReady = true }
        #expect(isReady)
        _ = try? channel.finish()
    }

    @Test func `bytes in the same read as the end of the handshake reach handlers added in the callback`() throws {
        let client = EmbeddedChannel()
        let received = Received()
        let ready = try self.shakeHands(client) {
            #expect(throws: Never.self) { try client.pipeline.syncOperations.addHandler(received) }
        }
        #expect(ready)
        #expect(received.text == "hello")
        #expect(received.reads == 1, "the greeting came with the handshake")
        ChannelStages.abandon(client)
    }

    @Test func `a channel that ends during the handshake fails it`() throws {
        let client = EmbeddedChannel()
        try client.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        var error: (any Error)?
        try ChannelStages(for: self.endpoint).configure(client).assumeIsolated().whenFailure { error = $0 }
        client.pipeline.fireChannelInactive()
        #expect((error as? TransportError)?.code == .tlsHandshakeFailed)
        ChannelStages.abandon(client)
    }

    @Test func `an abandoned channel is closed without the good-bye of TLS, which would wait for the peer`() throws {
        let client = EmbeddedChannel()
        #expect(try self.shakeHands(client) {})
        ChannelStages.abandon(client)
        #expect(!client.isActive)
    }

    @Test func `a channel abandoned during the handshake is closed and fails it`() throws {
        let client = EmbeddedChannel()
        try client.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        var error: (any Error)?
        try ChannelStages(for: self.endpoint).configure(client).assumeIsolated().whenFailure { error = $0 }
        ChannelStages.abandon(client)
        #expect(!client.isActive)
        #expect(error is TransportError)
    }

    /// Connects `client` with a server that speaks right behind the handshake; whether `ready` was called.
    private func shakeHands(_ client: EmbeddedChannel, ready: @escaping () -> Void) throws -> Bool {
        // With TLS 1.2 the server has the last word.
        let context = try NIOSSLContext(configuration: try TestServer.tls(maximumVersion: .tlsv12))
        let server = EmbeddedChannel(handlers: [NIOSSLServerHandler(context: context), Greeter()])
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        try server.connect(to: address).wait()
        try client.connect(to: address).wait()
        var results: [Result<Void, any Error>] = []
        try ChannelStages(for: self.endpoint).configure(client).assumeIsolated().whenComplete { result in
            results.append(result)
            ready()
        }
        for _ in 0..<10 {
            try Self.move(from: client, to: server)
            try Self.move(from: server, to: client)
        }
        // Its good-bye waits for an answer that does not come.
        server.close(promise: nil)
        server.embeddedEventLoop.advanceTime(by: .minutes(1))
        try results.first?.get()
        return results.count == 1
    }

    /// As one read, however many writes it was.
    private static func move(from sender: EmbeddedChannel, to receiver: EmbeddedChannel) throws {
        var all = ByteBuffer()
        while let buffer = try sender.readOutbound(as: ByteBuffer.self) { all.writeImmutableBuffer(buffer) }
        if all.readableBytes > 0 { try receiver.writeInbound(all) }
    }
}

private final class Greeter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted? = event as? TLSUserEvent else { return }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: "hello")), promise: nil)
    }
}

private final class Received: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var text = ""
    private(set) var reads = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.text += String(buffer: self.unwrapInboundIn(data))
        self.reads += 1
    }
}
