// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket

/// Asks an HTTP server for a WebSocket and takes the handlers of HTTP out of the pipeline when it agrees.
final class UpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// The handlers in front of this one.
    struct HTTP {
        let beginning: AnswerBeginning
        let encoder: HTTPRequestEncoder
        let decoder: ByteToMessageHandler<HTTPResponseDecoder>
    }

    private enum State {
        /// The headers are being made.
        case preparing(Task<Void, Never>?)
        case asked
        /// The answer is no; the beginning of its body may say why.
        case refused(UpgradeRefusal)
        /// The answer is yes; its end is next.
        case agreed
        /// The decoder of HTTP is on its way out.
        case upgrading(HeldBytes)
        case over
    }

    /// How long the body of a refusal is waited for.
    private static let patience = TimeAmount.milliseconds(250)

    private let endpoint: Endpoint
    private let settings: WebSocketSettings
    private let defaults: WebSocketHeaders
    private let key: String
    private let http: HTTP
    private var promise: EventLoopPromise<Void>?
    private var state = State.preparing(nil)
    private var context: ChannelHandlerContext?
    private var timer: Scheduled<Void>?
    /// Of the request.
    private var secrets = Secrets()

    init(
        endpoint: Endpoint,
        settings: WebSocketSettings,
        defaults: WebSocketHeaders,
        key: String,
        http: HTTP,
        promise: EventLoopPromise<Void>
    ) {
        self.endpoint = endpoint
        self.settings = settings
        self.defaults = defaults
        self.key = key
        self.http = http
        self.promise = promise
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.fail(.closed, "The connection to \(self.endpoint) was closed during the WebSocket handshake.")
    }

    // MARK: - The request

    func begin() {
        guard let context = self.context else { return }
        var headers = self.defaults
        headers.merge(self.settings.headers)
        guard let function = self.settings.function?.call else {
            self.ask(headers, context)
            return
        }
        let made = context.eventLoop.makePromise(of: WebSocketHeaders.self)
        let task = Task { [headers] in
            do { made.succeed(try await function(headers)) } catch { made.fail(error) }
        }
        self.state = .preparing(task)
        made.futureResult.assumeIsolated().whenComplete { self.headersMade($0) }
    }

    private func headersMade(_ result: Result<WebSocketHeaders, any Error>) {
        guard case .preparing = self.state, let context = self.context else { return }
        switch result {
        case .success(var headers):
            guard let objection = headers.restoreHandshake(of: self.defaults) ?? headers.objection else {
                self.ask(headers, context)
                return
            }
            self.fail(.headersUnavailable, "The function's headers for the WebSocket cannot be sent: \(objection).")
        case .failure(let error):
            // What it threw is the cause; its text may hold what is to stay secret.
            let words = "The function that gives the headers for the WebSocket of \(self.endpoint) threw."
            self.fail(.headersUnavailable, words, cause: error)
        }
    }

    private func ask(_ headers: WebSocketHeaders, _ context: ChannelHandlerContext) {
        self.state = .asked
        self.secrets = self.settings.secrets(sentWith: headers)
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .GET,
            uri: self.settings.path,
            headers: headers.http
        )
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }

    // MARK: - The answer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.state {
        case .preparing, .over:
            return
        case .asked:
            guard case .head(let head) = self.unwrapInboundIn(data) else { return }
            self.answered(head, context)
        case .refused(var refusal):
            switch self.unwrapInboundIn(data) {
            case .head: return
            case .body(let body):
                refusal.append(body)
                self.state = .refused(refusal)
            case .end: self.refused(refusal)
            }
        case .agreed:
            if case .end = self.unwrapInboundIn(data) { self.upgrade(context) }
        case .upgrading:
            // What came behind the answer, as it came.
            context.fireChannelRead(data)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard case .refused(let refusal) = self.state, refusal.hasBody else { return }
        self.refused(refusal)
    }

    private func answered(_ head: HTTPResponseHead, _ context: ChannelHandlerContext) {
        if head.status == .switchingProtocols, let objection = self.objection(to: head) {
            self.fail(.webSocketRefused, "\(self.endpoint) \(objection).")
        } else if head.status == .switchingProtocols {
            self.state = .agreed
        } else {
            let phrase = self.http.beginning.reasonPhrase(of: head.status.code) ?? head.status.reasonPhrase
            self.state = .refused(UpgradeRefusal(head, phrase: phrase, self.secrets))
            self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.patience) {
                if case .refused(let refusal) = self.state { self.refused(refusal) }
            }
        }
    }

    private func refused(_ refusal: UpgradeRefusal) {
        var error = TransportError(.webSocketRefused, "\(self.endpoint) does not give a WebSocket: \(refusal)")
        error.httpStatus = refusal.status
        self.finish(error)
    }

    /// RFC 6455, 4.1 and MQTT 5.0, 6.
    private func objection(to head: HTTPResponseHead) -> String? {
        let headers = head.headers
        let isAgreed =
            headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
            && headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
        guard isAgreed else { return "answered 101, but not with 'Upgrade: websocket' and 'Connection: Upgrade'" }
        guard
            NIOWebSocketClientUpgrader(requestKey: self.key, upgradePipelineHandler: { _, _ in preconditionFailure() })
                .shouldAllowUpgrade(upgradeResponse: head)
        else {
            return "answered 101 with a wrong Sec-WebSocket-Accept; something between it and here may have answered"
        }
        if let name = headers.first(name: "Sec-WebSocket-Extensions") {
            return "uses an extension of WebSocket that it was not asked for: \(self.secrets.text(name.utf8))"
        }
        let wanted = self.settings.subprotocol
        let protocols = headers["Sec-WebSocket-Protocol"]
        guard protocols != [wanted] else { return nil }
        let other = protocols.isEmpty ? "none" : self.secrets.text(protocols.joined(separator: ", ").utf8)
        return "gives a WebSocket, but not for the subprotocol \(wanted): it answered \(other)"
    }

    // MARK: - The end

    private func upgrade(_ context: ChannelHandlerContext) {
        let held = HeldBytes()
        self.state = .upgrading(held)
        let pipeline = context.pipeline.syncOperations
        do { try pipeline.addHandler(held, position: .after(self)) } catch { self.cannotBegin(error) }
        pipeline.removeHandler(self.http.beginning).whenFailure { _ in }
        pipeline.removeHandler(self.http.encoder).whenFailure { _ in }
        // It hands over what it has not read before it is gone, and until then nothing may be written.
        pipeline.removeHandler(self.http.decoder).assumeIsolated().whenComplete { _ in self.upgraded() }
    }

    private func upgraded() {
        guard case .upgrading(let held) = self.state, let context = self.context else { return }
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(WebSocketHandler(endpoint: self.endpoint, self.secrets), position: .after(held))
        } catch {
            self.cannotBegin(error)
            return
        }
        self.state = .over
        // The caller's handlers are there when this returns.
        self.promise.take()?.succeed()
        held.release()
        pipeline.removeHandler(context: context, promise: nil)
    }

    private func cannotBegin(_ error: any Error) {
        self.fail(.other, "The WebSocket with \(self.endpoint) cannot begin: \(error)", cause: error)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = TransportError(ofTLSWith: self.endpoint, error) {
            // With TLS 1.3 a server that wants another client certificate says so behind the handshake.
            self.finish(error.at(.tls))
        } else if case .refused(let refusal) = self.state {
            self.refused(refusal)
        } else if error is HTTPParserError || error is NIOHTTPDecoderError || self.http.beginning.isTooLong {
            self.finish(self.misunderstood(error))
        } else {
            let other = TransportError(connectingTo: self.endpoint, failedWith: error)
            // A server that closes with the request unread resets the connection.
            self.finish(other.code == .closed ? self.closed : other)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .refused(let refusal) = self.state { self.refused(refusal) }
        self.finish(self.closed)
        context.fireChannelInactive()
    }

    /// The connection ended instead of an answer.
    private var closed: TransportError {
        let beginning = self.http.beginning
        guard !beginning.bytes.isEmpty else {
            let words = "closed the connection without an answer to the request for a WebSocket"
            let hint = "it may not speak HTTP on this port, or only with TLS (wss)"
            return TransportError(.webSocketRefused, "\(self.endpoint) \(words); \(hint).")
        }
        guard beginning.isHTTP else { return self.misunderstood(ChannelError.eof) }
        return TransportError(.webSocketRefused, "\(self.endpoint) closed the connection in the middle of its answer.")
    }

    /// The answer is no HTTP, or none that can be read.
    private func misunderstood(_ error: any Error) -> TransportError {
        let beginning = self.http.beginning
        let bytes = beginning.bytes
        if beginning.isHTTP {
            if error as? HTTPParserError == .invalidEOFState { return self.closed }
            let isTooLong = beginning.isTooLong || error as? HTTPParserError == .headerOverflow
            let why = isTooLong ? "it is too long" : "\(error)"
            let words = "\(self.endpoint) answered the request for a WebSocket with HTTP that cannot be read: \(why)."
            return TransportError(.webSocketRefused, words, cause: error)
        }
        let isTLS = PeerProtocol(beginning: bytes) == .tls
        let said = self.secrets.areIn(bytes) ? self.secrets.text(bytes) : "\"\(PeerText(bytes.prefix(60)))\""
        let words = isTLS ? "It speaks TLS on this port; use wss." : "It answered \(said)."
        return TransportError(
            .wrongProtocol,
            "\(self.endpoint) does not speak HTTP on this port, which WebSocket begins with. \(words)",
            cause: error
        )
    }

    private func fail(_ code: TransportError.Code, _ words: String, cause: (any Error)? = nil) {
        self.finish(TransportError(code, words, cause: cause))
    }

    private func finish(_ error: TransportError) {
        if case .preparing(let task?) = self.state { task.cancel() }
        self.timer?.cancel()
        self.state = .over
        self.promise.take()?.fail(error)
    }
}
