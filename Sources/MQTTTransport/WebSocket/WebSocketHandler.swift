// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Turns the frames of an open WebSocket into a stream of bytes and back; every buffer written is one binary message.
///
/// Pings are answered, the latest of those that came in together. A close frame of the server, or one that breaks the
/// rules, goes on as an error behind the bytes before it. Closing the channel says so to the server first.
final class WebSocketHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        case open
        /// The server has been told, and the channel is closed once it answers, or does not for a while.
        case saidGoodBye
        /// Both sides have said it, or one of them is gone.
        case over
    }

    /// How long a server may take for its part of closing.
    static let patience = TimeAmount.milliseconds(500)

    private let endpoint: Endpoint
    /// Of the request that led here.
    private let secrets: Secrets
    private var reader = FrameReader()
    private var writer = FrameWriter()
    private var state = State.open
    /// The data of the last ping, to be sent back when there is room.
    private var duePong: ByteBuffer?
    private var closing: EventLoopPromise<Void>?
    private var timer: Scheduled<Void>?

    init(endpoint: Endpoint, _ secrets: Secrets = Secrets()) {
        self.endpoint = endpoint
        self.secrets = secrets
    }

    // MARK: - In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = Self.compact(self.unwrapInboundIn(data))
        var payload = JoinedPayload()
        while let event = self.reader.next(from: &buffer) {
            switch event {
            case .payload(let part): payload.append(part, ofAtMost: buffer.readableBytes)
            case .ping(let data): self.duePong = data
            case .pong: continue
            case .close(let code, let reason):
                self.pass(payload.take(), context)
                self.serverCloses(code, reason, context)
                return
            case .violation(let violation):
                self.pass(payload.take(), context)
                self.serverViolates(violation, context)
                return
            }
        }
        self.pass(payload.take(), context)
    }

    private func pass(_ payload: ByteBuffer?, _ context: ChannelHandlerContext) {
        // Whoever closes does not read on.
        guard let payload, case .open = self.state else { return }
        context.fireChannelRead(self.wrapInboundOut(payload))
    }

    /// A small message must not pin a large read buffer.
    private static func compact(_ buffer: ByteBuffer) -> ByteBuffer {
        guard buffer.readableBytes < buffer.capacity / 2 else { return buffer }
        var small = ByteBufferAllocator().buffer(capacity: buffer.readableBytes)
        small.writeImmutableBuffer(buffer)
        return small
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.sendDuePong(context)
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.sendDuePong(context)
        context.fireChannelWritabilityChanged()
    }

    /// The last ping alone may be answered (RFC 6455, 5.5.3): nothing piles up for a server that does not read.
    private func sendDuePong(_ context: ChannelHandlerContext) {
        guard case .open = self.state, context.channel.isWritable, let data = self.duePong.take() else { return }
        context.writeAndFlush(self.wrapOutboundOut(self.writer.frame(.pong, data)), promise: nil)
    }

    // MARK: - Out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .open = self.state else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        let payload = self.unwrapOutboundIn(data)
        // Without bytes it is but a question when those before it were written.
        let frame = payload.readableBytes == 0 ? payload : self.writer.frame(.binary, payload)
        context.write(self.wrapOutboundOut(frame), promise: promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard case .all = mode else {
            context.close(mode: mode, promise: promise)
            return
        }
        switch self.state {
        case .open where context.channel.isActive:
            self.joinClosing(promise, context)
            self.sayGoodBye(1_000, context)
        case .saidGoodBye: self.joinClosing(promise, context)
        case .open, .over:
            self.state = .over
            context.close(promise: promise)
        }
    }

    // MARK: - The end

    private func serverCloses(_ code: UInt16?, _ reason: ByteBuffer, _ context: ChannelHandlerContext) {
        guard case .open = self.state else {
            self.finish(context)
            return
        }
        // A server that says it is going gets its own code back.
        var answer = ByteBuffer()
        if let code { answer.writeInteger(code) }
        self.state = .over
        context.writeAndFlush(self.wrapOutboundOut(self.writer.frame(.close, answer)), promise: nil)
        let said = CloseCode(code).description
        let words = self.secrets.text(reason.readableBytesView)
        let because = words.isEmpty ? said : "\(said): \(words)"
        self.fail(TransportError(.closed, "\(self.endpoint) closed the WebSocket: \(because)"), context)
    }

    private func serverViolates(_ violation: FrameReader.Violation, _ context: ChannelHandlerContext) {
        guard case .open = self.state else {
            self.finish(context)
            return
        }
        self.sayGoodBye(violation.code, context)
        let words = "\(self.endpoint) broke the rules of WebSocket: it \(violation.words)."
        self.fail(TransportError(.webSocketViolation, words), context)
    }

    /// Passes an error on, behind all bytes that came before it, and sees to it that the channel closes.
    private func fail(_ error: TransportError, _ context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        context.fireErrorCaught(error.at(.open))
        if case .over = self.state { context.close(promise: nil) }
    }

    private func sayGoodBye(_ code: UInt16, _ context: ChannelHandlerContext) {
        self.state = .saidGoodBye
        self.duePong = nil
        // Reading goes on for the answer: closing with bytes unread resets the connection, and the last packet is lost.
        context.channel.setOption(.autoRead, value: true).whenFailure { _ in }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let frame = self.wrapOutboundOut(self.writer.frame(.close, ByteBuffer(integer: code)))
        context.writeAndFlush(frame).whenFailure { _ in bound.value.0.finish(bound.value.1) }
        guard case .saidGoodBye = self.state else { return }
        self.timer = context.eventLoop.scheduleTask(in: Self.patience) { bound.value.0.finish(bound.value.1) }
    }

    private func joinClosing(_ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        guard let promise else { return }
        let closing = self.closing ?? context.eventLoop.makePromise()
        self.closing = closing
        closing.futureResult.cascade(to: promise)
    }

    /// Closes the channel, whose good-bye has been said.
    private func finish(_ context: ChannelHandlerContext) {
        guard case .saidGoodBye = self.state else { return }
        self.state = .over
        self.timer?.cancel()
        context.close(promise: self.closing.take())
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.ended()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.ended()
    }

    private func ended() {
        self.state = .over
        self.timer?.cancel()
        self.closing.take()?.succeed()
    }
}

/// The bytes of the frames of one read: passed on as they are where they are in one piece, else joined.
private struct JoinedPayload {
    private var first: ByteBuffer?
    private var isJoined = false

    /// `rest` is how many bytes may follow.
    mutating func append(_ part: ByteBuffer, ofAtMost rest: Int) {
        guard var payload = self.first.take() else {
            self.first = part
            return
        }
        if !self.isJoined {
            self.isJoined = true
            var joined = ByteBufferAllocator().buffer(capacity: payload.readableBytes + part.readableBytes + rest)
            joined.writeImmutableBuffer(payload)
            payload = joined
        }
        payload.writeImmutableBuffer(part)
        self.first = payload
    }

    mutating func take() -> ByteBuffer? { self.first.take() }
}
