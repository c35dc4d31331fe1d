// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import MQTTTransport
internal import NIOCore

/// Turns the frames of a client's WebSocket into a stream of bytes and back; every buffer written is one binary message.
///
/// Pings are answered, the latest of those that came in together. What breaks the rules goes on as an error behind the bytes
/// before it. Closing the channel says so to the client first.
final class WebSocketServerHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A client broke the rules of WebSocket.
    struct Violation: Error { let words: String }

    private enum State { case open, saidGoodBye, over }

    private enum Opcode: UInt8 {
        case binary = 0x82
        case close = 0x88
        case pong = 0x8A
    }

    /// How long a client may take for its part of closing.
    private static let patience = TimeAmount.milliseconds(500)

    private var reader = FrameReader(of: .client)
    private var state = State.open
    private var duePong: ByteBuffer?
    private var timer: Scheduled<Void>?

    // MARK: - In

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        while let event = self.reader.next(from: &buffer) {
            switch event {
            case .payload(let part): if case .open = self.state { context.fireChannelRead(self.wrapInboundOut(part)) }
            case .ping(let data): self.duePong = data
            case .pong: continue
            case .close(let code, _): self.clientCloses(code, context)
            case .violation(let violation): self.clientViolates(violation, context)
            }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.sendDuePong(context)
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.sendDuePong(context)
        context.fireChannelWritabilityChanged()
    }

    /// The last ping alone may be answered (RFC 6455, 5.5.3): nothing piles up for a client that does not read.
    private func sendDuePong(_ context: ChannelHandlerContext) {
        guard case .open = self.state, context.channel.isWritable, let data = self.duePong.take() else { return }
        self.send(.pong, data, context)
    }

    private func clientCloses(_ code: UInt16?, _ context: ChannelHandlerContext) {
        if case .open = self.state {
            var answer = ByteBuffer()
            if let code { answer.writeInteger(code) }
            self.send(.close, answer, context)
        }
        self.state = .over
        self.timer?.cancel()
        context.close(promise: nil)
    }

    private func clientViolates(_ violation: FrameReader.Violation, _ context: ChannelHandlerContext) {
        guard case .open = self.state else {
            context.close(promise: nil)
            return
        }
        self.sayGoodBye(violation.code, context)
        context.fireErrorCaught(Violation(words: violation.words))
    }

    // MARK: - Out

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .open = self.state else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        let payload = self.unwrapOutboundIn(data)
        context.write(self.wrapOutboundOut(Self.header(.binary, payload.readableBytes)), promise: nil)
        context.write(self.wrapOutboundOut(payload), promise: promise)
    }

    private func send(_ opcode: Opcode, _ payload: ByteBuffer, _ context: ChannelHandlerContext) {
        var frame = Self.header(opcode, payload.readableBytes)
        frame.writeImmutableBuffer(payload)
        context.writeAndFlush(self.wrapOutboundOut(frame), promise: nil)
    }

    /// The beginning of a frame, which is the whole of a message (RFC 6455, 5.2).
    private static func header(_ opcode: Opcode, _ size: Int) -> ByteBuffer {
        var header = ByteBuffer()
        header.reserveCapacity(10)
        header.writeInteger(opcode.rawValue)
        switch size {
        case ..<126: header.writeInteger(UInt8(size))
        case ..<65_536: header.writeMultipleIntegers(UInt8(126), UInt16(size))
        default: header.writeMultipleIntegers(UInt8(127), UInt64(size))
        }
        return header
    }

    // MARK: - The end

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard case .all = mode, context.channel.isActive else {
            context.close(mode: mode, promise: promise)
            return
        }
        switch self.state {
        case .open: self.sayGoodBye(1_000, context)
        case .saidGoodBye: break
        case .over: context.close(promise: nil)
        }
        if let promise { context.channel.closeFuture.cascade(to: promise) }
    }

    /// Says that it is over, and closes when the client has answered, or does not for a while.
    private func sayGoodBye(_ code: UInt16, _ context: ChannelHandlerContext) {
        self.state = .saidGoodBye
        self.duePong = nil
        context.channel.setOption(.autoRead, value: true).whenFailure { _ in }
        self.send(.close, ByteBuffer(integer: code), context)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        self.timer = context.eventLoop.scheduleTask(in: Self.patience) {
            let (handler, context) = bound.value
            handler.state = .over
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.state = .over
        self.timer?.cancel()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.state = .over
        self.timer?.cancel()
    }
}
