// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTTransport
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct WebSocketHandshakeTests {
    /// An unmasked binary frame.
    private func binary(_ text: String) -> [UInt8] { [0x82, UInt8(text.utf8.count)] + Array(text.utf8) }

    @Test(
        .sends("5:MQTT-4.2-1", "5:MQTT-6.0.0-1", "3.1.1:MQTT-6.0.0-1"),
        .receives("5:MQTT-4.2-1"),
        arguments: [false, true]
    )
    func `bytes travel both ways through a WebSocket server of NIO, in binary frames`(isSecured: Bool) async throws {
        let certificates = try TestCertificates.shared.get()
        let tls = TLSSettings(trust: .file(certificates.path("ca.pem")))
        let configuration = isSecured ? try TestServer.tls() : nil
        try await EchoingWebSocket.with(tls: configuration) { port in
            let endpoint: Endpoint =
                isSecured ? .secureWebSocket("localhost", port: port, tls: tls) : .webSocket("localhost", port: port)
            let dialed = try await Dialed.connect(to: endpoint)
            let large = String(repeating: "0123456789", count: 100_000)
            for text in ["over the road", "x", large] {
                try await dialed.send(text)
                #expect(try await dialed.receive(text.utf8.count) == text)
            }
            try await dialed.channel.close()
        }
    }

    @Test func `a Unix socket can carry a WebSocket`() async throws {
        let path = "/tmp/swift-mqtt-\(UInt32.random(in: 0 ... .max))"
        defer { unlink(path) }
        try await WebSocketServer.with(path: path) { server in
            let dialed = try await Dialed.connect(to: .unix(path, webSocket: WebSocketSettings()))
            let connection = try #require(await server.next())
            #expect(connection.request.contains("\r\nHost: localhost\r\n"))
            try await connection.send(self.binary("hello"))
            #expect(try await dialed.receive(5) == "hello")
            try await dialed.channel.close()
        }
    }

    @Test func `frames in the same write as the answer are not lost`() async throws {
        let greeting = Array("hello".utf8)
        try await WebSocketServer.with { request in
            .init(bytes: Array(WebSocketServer.agreement(to: request).utf8) + [0x82, 5] + greeting)
        } _: { server in
            for _ in 0..<20 {
                let dialed = try await Dialed.connect(to: .webSocket("127.0.0.1", port: server.port))
                #expect(try await dialed.receive(5) == "hello")
                try await dialed.send("back")
                let connection = try #require(await server.next())
                // A good-bye would not be answered.
                dialed.channel.eventLoop.execute { [channel = dialed.channel] in ChannelStages.abandon(channel) }
                let bytes = await connection.rest()
                #expect(bytes.starts(with: [0x82, 0x84]), "\(bytes)")
            }
        }
    }

    @Test(arguments: 1...20)
    func `the answer and frames behind it may come cut anywhere`(size: Int) throws {
        let channel = EmbeddedChannel()
        let received = Inbox()
        try ChannelStages(for: .webSocket("h")).configure(channel).assumeIsolated().whenComplete { result in
            #expect(throws: Never.self) {
                try result.get()
                try channel.pipeline.syncOperations.addHandler(received)
                // What is written at once must not meet the encoder of HTTP.
                channel.writeAndFlush(ByteBuffer(string: "first"), promise: nil)
            }
        }
        var request = ""
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { request += String(buffer: buffer) }
        var bytes = Array(WebSocketServer.agreement(to: request).utf8)[...]
        bytes += self.binary("hello") + self.binary("") + self.binary(" again")
        while !bytes.isEmpty {
            try channel.writeInbound(ByteBuffer(bytes: bytes.prefix(size)))
            bytes = bytes.dropFirst(size)
            // The loop runs between some of the reads.
            if bytes.count.isMultiple(of: 2) { channel.embeddedEventLoop.run() }
        }
        channel.embeddedEventLoop.run()
        #expect(received.text == "hello again")
        let frame = try #require(try channel.readOutbound(as: ByteBuffer.self))
        #expect(Array(frame.readableBytesView.prefix(2)) == [0x82, 0x85])
        #expect(throws: (any Error).self) { try channel.pipeline.syncOperations.handler(type: HTTPRequestEncoder.self) }
        ChannelStages.abandon(channel)
        #expect(!channel.isActive)
    }

    @Test func `an informational answer may come first`() async throws {
        try await WebSocketServer.with { request in
            .says("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + WebSocketServer.agreement(to: request))
        } _: { server in
            let dialed = try await Dialed.connect(to: .webSocket("127.0.0.1", port: server.port))
            try await dialed.channel.close()
        }
    }

    // MARK: - The function that gives the headers

    @Test func `the function is asked anew at each attempt, with the default headers`() async throws {
        let calls = Mutex(0)
        let settings = WebSocketSettings(headers: ["X-Fixed": "1", "Host": "named"]) { defaults in
            #expect(defaults.values(for: "host") == ["named"] && defaults.values(for: "x-fixed") == ["1"])
            #expect(defaults.values(for: "upgrade") == ["websocket"])
            let call = calls.withLock { calls in
                calls += 1
                return calls
            }
            await Task.yield()
            var headers = defaults
            headers.set("token \(call)", for: "Authorization")
            headers.remove("x-fixed")
            // What belongs to the handshake is put back.
            headers.remove("Sec-WebSocket-Key")
            return headers
        }
        try await WebSocketServer.with { server in
            for call in 1...3 {
                let dialed = try await Dialed.connect(to: .webSocket("127.0.0.1", port: server.port, settings))
                let request = try #require(await server.next()).request
                #expect(request.contains("\r\nAuthorization: token \(call)\r\n"), "\(request)")
                #expect(request.contains("\r\nHost: named\r\n") && !request.contains("X-Fixed"))
                try await dialed.channel.close()
            }
        }
    }

    @Test func `a function that throws is the cause, and nothing is asked`() async throws {
        struct NoToken: Error { let secret = "sesame" }
        let error = try await self.failure(WebSocketSettings { _ in throw NoToken() })
        #expect(error.code == .headersUnavailable && error.stage == .webSocket)
        #expect(error.cause is NoToken && !error.message.contains("sesame"))
    }

    @Test(arguments: [
        ("Upgrade", "sesame", "handshake"), ("Sec-WebSocket-Version", "sesame", "handshake"),
        ("Sec-WebSocket-Protocol", "sesame", "handshake"), ("A", "sesame\r\nB: c", "control character"),
    ])
    func `headers of a function that cannot be sent are not`(name: String, value: String, why: String) async throws {
        let settings = WebSocketSettings { defaults in
            var headers = defaults
            headers.set(value, for: name)
            return headers
        }
        let error = try await self.failure(settings)
        #expect(error.code == .headersUnavailable && error.stage == .webSocket)
        #expect(error.message.contains(why) && !error.message.contains("sesame"), "\(error)")
    }

    @Test func `a function that does not return is left at the timeout, and its task is cancelled`() async throws {
        let (cancelled, continuation) = AsyncStream<Void>.makeStream()
        let settings = WebSocketSettings { defaults in
            await untilCancelled()
            continuation.finish()
            return defaults
        }
        let error = try await self.failure(settings, timeout: .seconds(6))
        #expect(error.code == .webSocketTimedOut && error.stage == .webSocket)
        for await _ in cancelled {}
    }

    /// The error of an attempt that must not send anything.
    private func failure(
        _ settings: WebSocketSettings,
        timeout: TimeAmount = .seconds(60)
    ) async throws -> TransportError {
        try await TestServer.with { server in
            let start = ContinuousClock.now
            let endpoint = Endpoint.webSocket("127.0.0.1", port: server.port, settings)
            let error = try #require(try await Dialed.failure(to: endpoint, timeout: timeout))
            #expect(ContinuousClock.now - start < .seconds(30))
            // It would have echoed bytes, and no HTTP.
            #expect(error.code != .wrongProtocol)
            try await server.waitForTheEndOfAConnection()
            return error
        }
    }
}

/// Returns when the task is cancelled.
func untilCancelled() async {
    let (stream, continuation) = AsyncStream<Void>.makeStream()
    for await _ in stream {}
    continuation.finish()
}

/// A WebSocket server as NIO makes them, which sends back what it gets, in the frames it got it in.
private enum EchoingWebSocket {
    static func with(tls: TLSConfiguration?, _ body: (Int) async throws -> Void) async throws {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
                    let upgrader = NIOWebSocketServerUpgrader(
                        maxFrameSize: 1 << 24,
                        shouldUpgrade: { channel, _ in
                            channel.eventLoop.makeSucceededFuture(["Sec-WebSocket-Protocol": "mqtt"])
                        },
                        upgradePipelineHandler: { channel, _ in
                            channel.eventLoop.makeCompletedFuture {
                                try channel.pipeline.syncOperations.addHandler(EchoHandler())
                            }
                        }
                    )
                    try pipeline.configureHTTPServerPipeline(
                        withServerUpgrade: (upgraders: [upgrader], completionHandler: { _ in })
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0)
            .get()
        do {
            try await body(channel.localAddress?.port ?? 0)
            try await channel.close()
        } catch {
            try await channel.close()
            throw error
        }
    }

    private final class EchoHandler: ChannelInboundHandler {
        typealias InboundIn = WebSocketFrame
        typealias OutboundOut = WebSocketFrame

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frame = self.unwrapInboundIn(data)
            guard frame.opcode == .binary, frame.maskKey != nil else {
                context.close(promise: nil)
                return
            }
            let echo = WebSocketFrame(fin: frame.fin, opcode: .binary, data: frame.unmaskedData)
            context.writeAndFlush(self.wrapOutboundOut(echo), promise: nil)
        }
    }
}
