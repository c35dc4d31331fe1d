// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket

/// WebSocket between the channel's bytes and the caller's.
struct WebSocketStage: ChannelStage {
    let stage = TransportError.Stage.webSocket
    private let settings: WebSocketSettings
    private let endpoint: Endpoint

    /// What is kept of the head of an answer.
    private static let headLimit = 65_536

    init(_ settings: WebSocketSettings, for endpoint: Endpoint) throws(TransportError) {
        try settings.check()
        self.settings = settings
        self.endpoint = endpoint
    }

    /// Puts the handlers of HTTP at the end of the pipeline, which give way to that of WebSocket.
    func add(to channel: any Channel) -> EventLoopFuture<Void> {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let key = NIOWebSocketClientUpgrader.randomRequestKey()
        let defaults = WebSocketHeaders(for: self.endpoint, subprotocol: self.settings.subprotocol, key: key)
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = Self.headLimit
        limits.maxHeaderListSize = Self.headLimit
        let beginning = AnswerBeginning()
        let encoder = HTTPRequestEncoder()
        let decoder = ByteToMessageHandler(
            HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits)
        )
        let request = UpgradeHandler(
            endpoint: self.endpoint,
            settings: self.settings,
            defaults: defaults,
            key: key,
            http: .init(beginning: beginning, encoder: encoder, decoder: decoder),
            promise: promise
        )
        do {
            try channel.pipeline.syncOperations.addHandlers(beginning, encoder, decoder, request)
            request.begin()
        } catch {
            promise.fail(
                TransportError(.other, "The WebSocket with \(self.endpoint) cannot begin: \(error)", cause: error)
            )
        }
        return promise.futureResult
    }
}
