// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// The handshake with a proxy between the channel's bytes and the caller's.
struct ProxyStage: ChannelStage {
    let stage = TransportError.Stage.proxy
    private let proxy: ProxySettings
    private let destination: HostAndPort
    private let handshake: any ProxyHandshake

    init(_ proxy: ProxySettings, to destination: HostAndPort, _ handshake: any ProxyHandshake) {
        self.proxy = proxy
        self.destination = destination
        self.handshake = handshake
    }

    /// Puts the handshake at the end of the pipeline; the future ends with it.
    ///
    /// Handlers that are added in a callback of the future, before it returns, get every byte behind the handshake.
    func add(to channel: any Channel) -> EventLoopFuture<Void> {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let handler = ProxyHandler(self.handshake, self.proxy, self.destination, promise)
        do {
            try channel.pipeline.syncOperations.addHandler(handler)
        } catch {
            promise.fail(TransportError(.other, "The proxy \(self.proxy) cannot be asked: \(error)", cause: error))
        }
        return promise.futureResult
    }
}

/// Moves bytes between a channel and a handshake, and leaves the pipeline at its end.
private final class ProxyHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How long the words behind a refusal are waited for.
    private static let patience = TimeAmount.milliseconds(250)

    private var handshake: any ProxyHandshake
    private let proxy: ProxySettings
    private let destination: HostAndPort
    private var promise: EventLoopPromise<Void>?
    /// What the handshake has not taken yet; it bounds it by refusing.
    private var unread = ByteBuffer()
    private var farewell: Scheduled<Void>?

    init(
        _ handshake: any ProxyHandshake,
        _ proxy: ProxySettings,
        _ destination: HostAndPort,
        _ promise: EventLoopPromise<Void>
    ) {
        self.handshake = handshake
        self.proxy = proxy
        self.destination = destination
        self.promise = promise
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.send(self.handshake.opening, context)
    }

    private func send(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What comes behind a refusal is nobody's.
        guard self.promise != nil else { return }
        self.unread.writeImmutableBuffer(self.unwrapInboundIn(data))
        while self.promise != nil {
            switch self.handshake.received(&self.unread) {
            case .more:
                return
            case .refusing:
                self.waitForWords(context)
                return
            case .send(let bytes):
                self.send(bytes, context)
            case .done:
                self.leave(context)
                return
            case .refused(let refusal):
                self.fail(refusal)
            }
        }
    }

    /// The bytes behind the handshake go to the handlers that were added by then.
    private func leave(_ context: ChannelHandlerContext) {
        let rest = self.unread
        self.unread = ByteBuffer()
        self.finish(.success(()))
        if rest.readableBytes > 0 { context.fireChannelRead(self.wrapInboundOut(rest)) }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    private func waitForWords(_ context: ChannelHandlerContext) {
        guard self.farewell == nil else { return }
        self.farewell = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) {
            self.fail(self.handshake.ended())
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail(self.handshake.ended())
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let hop = Endpoint.tls(self.proxy.host, port: self.proxy.port)
        let mapped = self.proxy.tls == nil ? nil : TransportError(ofTLSWith: hop, error)
        if let mapped, mapped.code != .closed {
            self.finish(.failure(mapped))
            return
        }
        var refusal = self.handshake.ended()
        let reason = TransportError(connectingTo: .tcp(self.proxy.host, port: self.proxy.port), failedWith: error)
        if reason.code != .closed { refusal.words = reason.message }
        self.fail(refusal, cause: error)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.fail(self.handshake.ended())
    }

    private func fail(_ refusal: ProxyRefusal, cause: (any Error)? = nil) {
        let words = "The proxy \(self.proxy) did not connect to \(self.destination): \(refusal.words)."
        var error = TransportError(refusal.code, words, cause: cause)
        error.httpStatus = refusal.status
        self.finish(.failure(error))
    }

    private func finish(_ result: Result<Void, TransportError>) {
        guard let promise = self.promise else { return }
        self.promise = nil
        self.unread = ByteBuffer()
        self.farewell?.cancel()
        promise.completeWith(result.mapError { $0 })
    }
}
