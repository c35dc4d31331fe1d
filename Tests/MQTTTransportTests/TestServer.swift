// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

/// A server on a port of its own that does one simple thing with every connection.
struct TestServer {
    enum Behaviour: Sendable {
        /// Sends back what it gets.
        case echo
        /// Says "hello" as soon as it can, then echoes.
        case greet
        /// Takes connections and never says anything.
        case silent
    }

    let channel: any Channel

    /// The connections it took, in order.
    let connections: AsyncStream<any Channel>

    var port: Int { self.channel.localAddress?.port ?? 0 }

    /// Starts a server, calls `body` with it and stops it.
    static func with<Result>(
        _ behaviour: Behaviour = .echo,
        tls: TLSConfiguration? = nil,
        host: String = "127.0.0.1",
        isolation: isolated (any Actor)? = #isolation,
        _ body: (TestServer) async throws -> Result
    ) async throws -> Result {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let (connections, continuation) = AsyncStream<any Channel>.makeStream()
        let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                continuation.yield(channel)
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
                    try pipeline.addHandler(BehaviourHandler(behaviour, isSecured: context != nil))
                }
            }
            .bind(host: host, port: 0)
            .get()
        do {
            let result = try await body(TestServer(channel: channel, connections: connections))
            try await channel.close()
            return result
        } catch {
            try await channel.close()
            throw error
        }
    }

    /// Returns when the next connection it took has ended.
    func waitForTheEndOfAConnection() async throws {
        for await connection in self.connections {
            // A future's wait cannot be cancelled; this way the time limit of a test ends it.
            try await withTaskCancellationHandler {
                try await connection.closeFuture.get()
            } onCancel: {
                connection.close(promise: nil)
            }
            return
        }
    }

    /// The configuration of a server with one of the test certificates.
    static func tls(
        _ name: String = "server",
        clientsMustShow ca: String? = nil,
        maximumVersion: TLSVersion = .tlsv13
    ) throws -> TLSConfiguration {
        let certificates = try TestCertificates.shared.get()
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificates.path("\(name).pem"))
                .map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: certificates.path("\(name).key"), format: .pem))
        )
        configuration.maximumTLSVersion = maximumVersion
        configuration.applicationProtocols = ["mqtt"]
        if let ca {
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .file(certificates.path("\(ca).pem"))
        }
        return configuration
    }
}

private final class BehaviourHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let behaviour: TestServer.Behaviour
    private let isSecured: Bool

    init(_ behaviour: TestServer.Behaviour, isSecured: Bool) {
        self.behaviour = behaviour
        self.isSecured = isSecured
    }

    func channelActive(context: ChannelHandlerContext) {
        if !self.isSecured { self.greet(context) }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { self.greet(context) }
    }

    private func greet(_ context: ChannelHandlerContext) {
        guard case .greet = self.behaviour else { return }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: "hello")), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .silent = self.behaviour { return }
        context.writeAndFlush(data, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
