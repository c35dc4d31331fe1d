// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// TLS between the channel's bytes and the caller's.
struct TLSStage: ChannelStage {
    let stage = TransportError.Stage.tls
    private let context: NIOSSLContext
    private let endpoint: Endpoint
    /// What goes into SNI and is looked for in the certificate; nil for an IP address, where the certificate must name
    /// the address of the peer instead.
    private let serverName: String?

    /// Reads the files of the settings: not on an event loop.
    init(_ settings: TLSSettings, for endpoint: Endpoint) throws(TransportError) {
        self.endpoint = endpoint
        self.serverName = try Self.serverName(settings, endpoint)
        self.context = try settings.makeContext()
    }

    private static func serverName(_ settings: TLSSettings, _ endpoint: Endpoint) throws(TransportError) -> String? {
        guard let name = settings.serverName else {
            return self.isIPAddress(endpoint.serverName) ? nil : self.withoutFinalDot(endpoint.serverName)
        }
        let checked = self.withoutFinalDot(name)
        guard !self.isIPAddress(checked), checked != ".", (1...255).contains(checked.utf8.count),
            !checked.utf8.contains(0)
        else {
            throw TransportError(
                .tlsConfiguration,
                "The server name \(String(name.prefix(60)).debugDescription) is not a host name."
            )
        }
        return checked
    }

    private static func isIPAddress(_ host: String) -> Bool {
        // An IPv6 address may name the interface behind a percent sign.
        let address = host.prefix { $0 != "%" }
        return (try? SocketAddress(ipAddress: String(address), port: 0)) != nil
    }

    /// The root's dot is for the resolver; SNI has no room for it (RFC 6066, 3).
    private static func withoutFinalDot(_ host: String) -> String {
        host.utf8.count > 1 && host.utf8.last == UInt8(ascii: ".") ? String(host.dropLast()) : host
    }

    /// Puts TLS at the end of the pipeline; the future ends with the handshake.
    ///
    /// Handlers that are added in a callback of the future, before it returns, get every byte behind the handshake.
    func add(to channel: any Channel) -> EventLoopFuture<Void> {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        do {
            let tls = try NIOSSLClientHandler(context: self.context, serverHostname: self.serverName)
            let handshake = HandshakeHandler(endpoint: self.endpoint, tls: tls, promise: promise)
            // In this order: on an active channel the first may already fail while it is added.
            try channel.pipeline.syncOperations.addHandler(handshake)
            try channel.pipeline.syncOperations.addHandler(tls, position: .before(handshake))
        } catch {
            promise.fail(
                TransportError(ofTLSWith: self.endpoint, error)
                    ?? TransportError(.other, "TLS with \(self.endpoint) cannot begin: \(error)", cause: error)
            )
        }
        return promise.futureResult
    }
}

/// Waits behind TLS for the end of the handshake and leaves the pipeline then.
private final class HandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let endpoint: Endpoint
    private let tls: NIOSSLClientHandler
    private var promise: EventLoopPromise<Void>?

    init(endpoint: Endpoint, tls: NIOSSLClientHandler, promise: EventLoopPromise<Void>) {
        self.endpoint = endpoint
        self.tls = tls
        self.promise = promise
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .handshakeCompleted? = event as? TLSUserEvent else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        // The bytes behind the handshake come as soon as this returns, for the handlers added by then.
        self.finish(.success(()))
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let mapped =
            TransportError(ofTLSWith: self.endpoint, error, certificate: self.tls.peerCertificate)
            ?? TransportError(connectingTo: self.endpoint, failedWith: error)
        self.finish(.failure(mapped))
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.finish(.failure(self.closed))
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.finish(.failure(self.closed))
    }

    private var closed: TransportError {
        TransportError(.closed, "The connection to \(self.endpoint) was closed during the TLS handshake.")
    }

    private func finish(_ result: Result<Void, TransportError>) {
        guard let promise = self.promise else { return }
        self.promise = nil
        promise.completeWith(result.mapError { $0 })
    }
}
