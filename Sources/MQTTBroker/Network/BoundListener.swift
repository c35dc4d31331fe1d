// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import MQTTTransport
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// A listener that listens.
struct BoundListener: Sendable {
    /// With the port it got.
    let listener: BrokerListener
    private let channel: any Channel

    /// How a client of this program gets there.
    var endpoint: Endpoint {
        switch self.listener.place {
        case .path(let path): return .unix(path)
        case .host(let name, let port):
            // An address that stands for all of this machine is none to connect to.
            let host = name == "0.0.0.0" ? "127.0.0.1" : name == "::" ? "::1" : name
            let webSocket = self.listener.webSocket.map { WebSocketSettings(path: $0.path ?? "/mqtt") }
            switch (self.listener.tls, webSocket) {
            case (nil, nil): return .tcp(host, port: port)
            case (nil, let webSocket?): return .webSocket(host, port: port, webSocket)
            case (let tls?, nil): return .tls(host, port: port, tls.clientSettings)
            case (let tls?, let webSocket?):
                return .secureWebSocket(host, port: port, webSocket, tls: tls.clientSettings)
            }
        }
    }

    /// Begins to listen.
    init(
        _ listener: BrokerListener,
        on eventLoop: any EventLoop,
        _ runtime: NIOLoopBound<BrokerRuntime>
    ) async throws(BrokerError) {
        let context = try listener.tls?.makeContext()
        let bootstrap = Self.bootstrap(listener, on: eventLoop, context, runtime)
        do {
            switch listener.place {
            case .host(let host, let port):
                self.channel = try await bootstrap.bind(host: host, port: port).get()
            case .path(let path):
                self.channel = try await Self.bind(path, bootstrap, on: eventLoop)
            }
        } catch {
            throw BrokerError(listeningAt: listener, failedWith: error)
        }
        self.listener = listener.at(port: self.channel.localAddress?.port ?? 0)
    }

    private static func bootstrap(
        _ listener: BrokerListener,
        on eventLoop: any EventLoop,
        _ context: NIOSSLContext?,
        _ runtime: NIOLoopBound<BrokerRuntime>
    ) -> ServerBootstrap {
        let bootstrap = ServerBootstrap(group: eventLoop)
            .serverChannelOption(.backlog, value: 1_024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try runtime.value.accepted(channel, by: listener, context) }
            }
        guard case .host = listener.place else { return bootstrap }
        return bootstrap.serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
    }

    /// Takes the place of a socket whose program has ended without removing it.
    private static func bind(
        _ path: String,
        _ bootstrap: ServerBootstrap,
        on eventLoop: any EventLoop
    ) async throws -> any Channel {
        do {
            return try await bootstrap.bind(unixDomainSocketPath: path).get()
        } catch  where ListenFailure(error) == .inUse {
            do {
                let other = try await ClientBootstrap(group: eventLoop).connect(unixDomainSocketPath: path).get()
                other.close(promise: nil)
            } catch let refusal where SocketFile.isAbandoned(refusal) {
                SocketFile.remove(path)
                return try await bootstrap.bind(unixDomainSocketPath: path).get()
            } catch {
                // Whatever it is, it is not ours.
            }
            throw error
        }
    }

    /// Listens no more.
    func close() async {
        self.beginClosing()
        _ = try? await self.channel.closeFuture.get()
    }

    /// The same without waiting for it.
    func beginClosing() {
        // While it is ours still: later another program may have one of the same name.
        if case .path(let path) = self.listener.place { SocketFile.remove(path) }
        self.channel.close(promise: nil)
    }
}

extension BrokerError {
    /// Nobody can be listened to there.
    fileprivate init(listeningAt listener: BrokerListener, failedWith error: any Error) {
        switch ListenFailure(error) {
        case .inUse:
            let advice =
                if case .path = listener.place { "choose another path, or remove the file" } else {
                    "stop the program that has the port, or choose another; port 0 takes a free one"
                }
            self.init(.addressInUse, "\(listener) is in use already; \(advice).", cause: error)
        case .notPermitted:
            self.init(
                .notPermitted,
                "This user may not listen at \(listener); choose a port above 1023, or a folder of your own.",
                cause: error
            )
        case .noSuchAddress:
            self.init(
                .addressUnavailable,
                "\(listener) is no address of this machine; check the host, or the folder of the socket.",
                cause: error
            )
        case .other:
            self.init(.other, "The broker cannot listen at \(listener): \(error)", cause: error)
        }
    }
}
