// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// A server on a port of its own that does one simple thing with every connection.
struct TestServer {
    enum Behaviour: Sendable {
        /// Sends back what it gets.
        case echo
        /// Says "hello" as soon as it can, then echoes.
        case greet
        /// Takes connections and never says anything.
        case silent
        /// Says this as soon as it hears something, and nothing more.
        case answer([UInt8])
        /// Closes as soon as it hears something.
        case close
        /// Resets the connection as soon as it hears something.
        case reset
        /// Says the protocol of ALPN behind the handshake.
        case nameProtocol
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
        unixSocket: String? = nil,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (TestServer) async throws -> Result
    ) async throws -> Result {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let (connections, continuation) = AsyncStream<any Channel>.makeStream()
        let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                continuation.yield(channel)
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
                    try pipeline.addHandler(BehaviourHandler(behaviour, isSecured: context != nil))
                }
            }
        let channel = try await
            (unixSocket.map { bootstrap.bind(unixDomainSocketPath: $0) } ?? bootstrap.bind(host: host, port: 0)).get()
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

    /// The certificate that the client of the next connection showed, once that has sent something.
    func nextClientCertificate() async throws -> NIOSSLCertificate? {
        for await connection in self.connections { return try await connection.nioSSL_peerCertificate().get() }
        return nil
    }

    /// The version of TLS of the next connection, once its client has sent something.
    func nextVersion() async throws -> TLSVersion? {
        for await connection in self.connections { return try await connection.nioSSL_tlsVersion().get() }
        return nil
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
        guard case .handshakeCompleted(let name)? = event as? TLSUserEvent else { return }
        if case .nameProtocol = self.behaviour {
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: "<\(name ?? "none")>")), promise: nil)
        }
        self.greet(context)
    }

    private func greet(_ context: ChannelHandlerContext) {
        guard case .greet = self.behaviour else { return }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: "hello")), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.behaviour {
        case .silent:
            break
        case .answer(let bytes):
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
        case .close:
            context.close(promise: nil)
        case .reset:
            let socket = context.channel as? any SocketOptionProvider
            socket?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in }
            context.close(promise: nil)
        case .echo, .greet, .nameProtocol:
            context.writeAndFlush(data, promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
