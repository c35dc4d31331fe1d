// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

/// A proxy on a port of its own whose connections follow a script; what they were sent is kept.
final class ScriptedProxy: Sendable {
    /// A line of the script.
    enum Line: Sendable {
        /// Waits for so many bytes.
        case take(Int)
        /// Waits for the empty line behind an HTTP head.
        case takeHead
        case say([UInt8])
        case close
        /// From here on the connection is the broker's, which echoes; with TLS if there is a configuration.
        case broker(tls: TLSConfiguration?)

        static func say(_ text: String) -> Self { .say(Array(text.utf8)) }
    }

    /// What was heard on all connections.
    fileprivate final class Record: Sendable {
        let proxy = Mutex<[UInt8]>([])
        let broker = Mutex<[UInt8]>([])
    }

    let server: TestServer
    private let record: Record

    var port: Int { self.server.port }
    /// All that the proxy itself was sent.
    var said: String { String(decoding: self.record.proxy.withLock { $0 }, as: UTF8.self) }
    /// All that went through to the broker.
    var saidToBroker: String { String(decoding: self.record.broker.withLock { $0 }, as: UTF8.self) }

    private init(_ server: TestServer, _ record: Record) {
        self.server = server
        self.record = record
    }

    /// Starts a proxy, calls `body` with it and stops it.
    static func with<Result>(
        _ script: [Line],
        tls: TLSConfiguration? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (ScriptedProxy) async throws -> Result
    ) async throws -> Result {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let (connections, continuation) = AsyncStream<any Channel>.makeStream()
        let record = Record()
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                continuation.yield(channel)
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
                    try pipeline.addHandler(ScriptHandler(script, record))
                }
            }
            .bind(host: "127.0.0.1", port: 0)
            .get()
        let proxy = ScriptedProxy(TestServer(channel: channel, connections: connections), record)
        do {
            let result = try await body(proxy)
            try await channel.close()
            return result
        } catch {
            try await channel.close()
            throw error
        }
    }
}

private final class ScriptHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var script: [ScriptedProxy.Line]
    private let record: ScriptedProxy.Record
    private var unread = ByteBuffer()

    init(_ script: [ScriptedProxy.Line], _ record: ScriptedProxy.Record) {
        self.script = script
        self.record = record
    }

    func channelActive(context: ChannelHandlerContext) { self.go(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = self.unwrapInboundIn(data)
        self.unread.writeImmutableBuffer(bytes)
        self.record.proxy.withLock { $0 += bytes.readableBytesView }
        self.go(context)
    }

    private func go(_ context: ChannelHandlerContext) {
        while let line = self.script.first {
            switch line {
            case .take(let count):
                guard self.unread.readableBytes >= count else { return }
                self.unread.moveReaderIndex(forwardBy: count)
            case .takeHead:
                let end = Array("\r\n\r\n".utf8)
                guard let start = self.unread.readableBytesView.firstRange(of: end) else { return }
                self.unread.moveReaderIndex(to: start.upperBound)
            case .say(let bytes):
                context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
            case .close:
                context.close(promise: nil)
            case .broker(let tls):
                self.becomeBroker(context, tls)
                return
            }
            self.script.removeFirst()
        }
    }

    private func becomeBroker(_ context: ChannelHandlerContext, _ tls: TLSConfiguration?) {
        do {
            let pipeline = context.pipeline.syncOperations
            if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: try NIOSSLContext(configuration: tls))) }
            try pipeline.addHandler(EchoingBroker(self.record))
        } catch {
            context.close(promise: nil)
        }
        if self.unread.readableBytes > 0 { context.fireChannelRead(NIOAny(self.unread)) }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

private final class EchoingBroker: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let record: ScriptedProxy.Record

    init(_ record: ScriptedProxy.Record) { self.record = record }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = self.unwrapInboundIn(data)
        self.record.broker.withLock { $0 += bytes.readableBytesView }
        context.writeAndFlush(data, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
