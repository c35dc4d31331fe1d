// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket

/// The HTTP part of a WebSocket connection: asks whether it may be, and puts the broker behind it.
final class WebSocketUpgrade: HTTPServerProtocolUpgrader {
    let supportedProtocol = "websocket"
    let requiredUpgradeHeaders: [String] = []

    private let request: WebSocketRequest
    private let runtime: BrokerRuntime
    /// For the answer to the key of the handshake.
    private let handshake: NIOWebSocketServerUpgrader

    init(path: String?, origins: Set<String>?, runtime: BrokerRuntime) {
        self.request = WebSocketRequest(path: path, origins: origins)
        self.runtime = runtime
        self.handshake = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, _ in
                channel.eventLoop.makeSucceededFuture(["Sec-WebSocket-Protocol": "mqtt"])
            },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() }
        )
    }

    /// Puts HTTP at the end of a channel's pipeline.
    func add(to channel: any Channel) throws {
        let refusal = WebSocketRefusalHandler(self.request)
        let bound = NIOLoopBound(refusal, eventLoop: channel.eventLoop)
        let timeout = TimeAmount.seconds(Int64(self.runtime.configuration.limits.connectTimeout))
        let timer = channel.eventLoop.scheduleTask(in: timeout) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in timer.cancel() }
        try channel.pipeline.syncOperations.configureHTTPServerPipeline(
            withPipeliningAssistance: false,
            withServerUpgrade: (
                upgraders: [self],
                completionHandler: { context in
                    timer.cancel()
                    context.pipeline.syncOperations.removeHandler(bound.value, promise: nil)
                }
            ),
            withErrorHandling: true
        )
        try channel.pipeline.syncOperations.addHandler(refusal)
    }

    func buildUpgradeResponse(
        channel: any Channel,
        upgradeRequest: HTTPRequestHead,
        initialResponseHeaders: HTTPHeaders
    ) -> EventLoopFuture<HTTPHeaders> {
        guard self.request.objection(to: upgradeRequest) == nil else {
            return channel.eventLoop.makeFailedFuture(NIOWebSocketUpgradeError.unsupportedWebSocketTarget)
        }
        return self.handshake.buildUpgradeResponse(
            channel: channel,
            upgradeRequest: upgradeRequest,
            initialResponseHeaders: initialResponseHeaders
        )
    }

    func upgrade(context: ChannelHandlerContext, upgradeRequest: HTTPRequestHead) -> EventLoopFuture<Void> {
        let channel = context.channel
        return context.eventLoop.makeCompletedFuture {
            let connection = self.runtime.makeConnection(channel, canHalfClose: false)
            try channel.pipeline.syncOperations.addHandlers([
                WebSocketServerHandler(), ConnectionHandler(connection),
            ])
        }
    }
}

/// Answers requests that get no WebSocket, and closes.
final class WebSocketRefusalHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let request: WebSocketRequest
    private var hasAnswered = false

    init(_ request: WebSocketRequest) { self.request = request }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let head) = self.unwrapInboundIn(data), !self.hasAnswered else { return }
        self.hasAnswered = true
        let words = "This is no WebSocket handshake (RFC 6455, 4.2.1)."
        let refusal = self.request.objection(to: head) ?? .init(status: .badRequest, words: words)
        let body = ByteBuffer(string: refusal.words + "\n")
        var headers: HTTPHeaders = [
            "Content-Type": "text/plain; charset=utf-8", "Content-Length": "\(body.readableBytes)",
            "Connection": "close",
        ]
        if refusal.status == .upgradeRequired { headers.add(name: "Upgrade", value: "websocket") }
        // RFC 6455, 4.4.
        if head.headers.contains(name: "sec-websocket-key") { headers.add(name: "Sec-WebSocket-Version", value: "13") }
        let answer = HTTPResponseHead(version: .http1_1, status: refusal.status, headers: headers)
        context.write(self.wrapOutboundOut(.head(answer)), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        let channel = context.channel
        context.writeAndFlush(self.wrapOutboundOut(.end(nil))).whenComplete { _ in channel.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The request that is refused comes behind this one.
        if error is NIOWebSocketUpgradeError { return }
        context.close(promise: nil)
    }
}
