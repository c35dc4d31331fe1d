// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import NIOSSL

/// A server whose answer to an HTTP request a test writes down byte for byte.
struct WebSocketServer {
    /// What a test does when the whole request has come.
    struct Answer: Sendable {
        var bytes: [UInt8] = []
        var closes = false

        /// Says this.
        static func says(_ text: String, closes: Bool = false) -> Self { Self(bytes: Array(text.utf8), closes: closes) }
    }

    /// One connection.
    struct Connection: Sendable {
        let channel: any Channel
        /// The head of the request.
        let request: String
        /// What came behind it, until the connection ended.
        let received: AsyncStream<ByteBuffer>

        func send(_ bytes: [UInt8]) async throws { try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

        /// Everything that came, until the client closed.
        func rest() async -> [UInt8] {
            var all: [UInt8] = []
            for await buffer in self.received { all += buffer.readableBytesView }
            return all
        }
    }

    let channel: any Channel
    /// Those that have asked, in order.
    let connections: AsyncStream<Connection>

    var port: Int { self.channel.localAddress?.port ?? 0 }

    /// Starts a server, calls `body` with it and stops it.
    static func with<Result>(
        tls: TLSConfiguration? = nil,
        path: String? = nil,
        answering answer: @escaping @Sendable (String) -> Answer = { .says(Self.agreement(to: $0)) },
        isolation: isolated (any Actor)? = #isolation,
        _ body: (WebSocketServer) async throws -> Result
    ) async throws -> Result {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let (connections, continuation) = AsyncStream<Connection>.makeStream()
        let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
                    try pipeline.addHandler(RequestHandler(answer, continuation))
                }
            }
        let channel =
            if let path {
                try await bootstrap.bind(unixDomainSocketPath: path).get()
            } else {
                try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
            }
        do {
            let result = try await body(WebSocketServer(channel: channel, connections: connections))
            try await channel.close()
            return result
        } catch {
            try await channel.close()
            throw error
        }
    }

    /// The next connection that has asked.
    func next() async -> Connection? {
        for await connection in self.connections { return connection }
        return nil
    }

    /// The right answer to a request; `changing` makes it wrong.
    static func agreement(to request: String, changing: (inout [String]) -> Void = { _ in }) -> String {
        let lines = request.split(separator: "\r\n")
        let prefix = "sec-websocket-key: "
        let key = lines.first { $0.lowercased().hasPrefix(prefix) }?.dropFirst(prefix.utf8.count) ?? ""
        let accept = SHA1.base64(of: Array("\(key)258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))
        var answer = [
            "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Accept: \(accept)", "Sec-WebSocket-Protocol: mqtt",
        ]
        changing(&answer)
        return answer.joined(separator: "\r\n") + "\r\n\r\n"
    }
}

private final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: (String) -> WebSocketServer.Answer
    private let connections: AsyncStream<WebSocketServer.Connection>.Continuation
    private var request = ""
    private var received: AsyncStream<ByteBuffer>.Continuation?

    init(
        _ answer: @escaping (String) -> WebSocketServer.Answer,
        _ connections: AsyncStream<WebSocketServer.Connection>.Continuation
    ) {
        self.answer = answer
        self.connections = connections
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        guard self.received == nil else {
            self.received?.yield(buffer)
            return
        }
        self.request += String(buffer: buffer)
        guard self.request.hasSuffix("\r\n\r\n") else { return }
        let (stream, continuation) = AsyncStream<ByteBuffer>.makeStream()
        self.received = continuation
        self.connections.yield(.init(channel: context.channel, request: self.request, received: stream))
        let answer = self.answer(self.request)
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: answer.bytes)), promise: nil)
        if answer.closes { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) { self.received?.finish() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// The digest of the handshake (RFC 3174), for servers of the tests only.
private enum SHA1 {
    static func base64(of message: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        let digest = self.digest(of: message) + [0]
        var text = ""
        for start in stride(from: 0, to: digest.count, by: 3) {
            let bits = Int(digest[start]) << 16 | Int(digest[start + 1]) << 8 | Int(digest[start + 2])
            for shift in [18, 12, 6, 0] { text.append(digits[bits >> shift & 63]) }
        }
        return text.dropLast() + "="
    }

    private static func digest(of message: [UInt8]) -> [UInt8] {
        var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        var padded = message + [0x80]
        padded += Array(repeating: 0, count: (120 - padded.count % 64) % 64)
        padded += (0..<8).map { UInt8(truncatingIfNeeded: message.count * 8 >> (56 - 8 * $0)) }
        for block in stride(from: 0, to: padded.count, by: 64) {
            var words = (0..<16).map { word in
                (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(padded[block + 4 * word + $1]) }
            }
            for index in 16..<80 {
                let word = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
                words.append(word << 1 | word >> 31)
            }
            self.mix(words, into: &state)
        }
        return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
    }

    private static func mix(_ words: [UInt32], into state: inout [UInt32]) {
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for (index, word) in words.enumerated() {
            let (function, constant): (UInt32, UInt32) =
                switch index {
                case ..<20: (b & c | ~b & d, 0x5A82_7999)
                case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
                default: (b ^ c ^ d, 0xCA62_C1D6)
                }
            let next = (a << 5 | a >> 27) &+ function &+ e &+ constant &+ word
            (e, d, c, b, a) = (d, c, b << 30 | b >> 2, a, next)
        }
        state = zip(state, [a, b, c, d, e]).map(&+)
    }
}
