// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// What a ``ByteStreamChannel`` does, all of it on its event loop.
final class ByteStreamCore: ChannelCore {
    let eventLoop: any EventLoop
    let closePromise: EventLoopPromise<Void>
    let flags = ByteStreamFlags()
    /// nil before the channel is complete and after its end, which breaks the circle of the two.
    var pipeline: ChannelPipeline?
    private let stream: any ByteStream
    private var isOpen = true
    /// Whether the connection was told to close.
    private var isEnded = false
    /// So long may the last bytes take after a close, which a socket would send behind one, too.
    private static let patience = TimeAmount.seconds(1)
    // Reading.
    private var isAutoRead = false
    /// Somebody has asked for bytes that are not being read yet.
    private var isReadWanted = false
    private var reading: Task<Void, Never>?
    // Writing.
    private var writes: ByteStreamWrites
    private var writing: Task<Void, Never>?
    private var waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 32 * 1_024, high: 64 * 1_024)

    init(_ stream: any ByteStream, on eventLoop: any EventLoop) {
        self.stream = stream
        self.eventLoop = eventLoop
        self.closePromise = eventLoop.makePromise()
        self.writes = ByteStreamWrites()
    }

    // MARK: - Reading

    func read0() {
        guard self.isOpen else { return }
        self.isReadWanted = true
        self.startReading()
    }

    private func startReading() {
        guard self.isOpen, self.isReadWanted, self.reading == nil else { return }
        self.isReadWanted = false
        let (stream, eventLoop) = (self.stream, self.eventLoop)
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        self.reading = Task {
            let result: Result<ByteBuffer?, any Error>
            do { result = .success(try await stream.read()) } catch { result = .failure(error) }
            eventLoop.execute { core.value.didRead(result) }
        }
    }

    private func didRead(_ result: Result<ByteBuffer?, any Error>) {
        self.reading = nil
        guard self.isOpen, let pipeline = self.pipeline?.syncOperations else { return }
        switch result {
        case .success(let bytes?):
            if bytes.readableBytes > 0 { pipeline.fireChannelRead(NIOAny(bytes)) }
            pipeline.fireChannelReadComplete()
            // A handler may have asked for more already.
            self.startReading()
            if self.isOpen, self.isAutoRead, self.reading == nil { pipeline.read() }
        case .success(nil):
            self.close0(error: ChannelError.eof, mode: .all, promise: nil)
        case .failure(let error):
            self.failed(error)
        }
    }

    // MARK: - Writing

    func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard self.isOpen else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        guard let bytes = self.bytes(of: data) else {
            promise?.fail(ChannelError.operationUnsupported)
            return
        }
        self.writes.append(bytes, promise)
        guard self.writes.count > self.waterMark.high else { return }
        self.setWritable(false)
    }

    private func bytes(of data: NIOAny) -> ByteBuffer? {
        if let bytes = self.tryUnwrapData(data, as: ByteBuffer.self) { return bytes }
        guard case .byteBuffer(let bytes)? = self.tryUnwrapData(data, as: IOData.self) else { return nil }
        return bytes
    }

    func flush0() {
        guard self.isOpen else { return }
        self.writes.flush()
        self.startWriting()
    }

    private func startWriting() {
        guard self.isOpen, self.writing == nil, let bytes = self.writes.next() else { return }
        let (stream, eventLoop) = (self.stream, self.eventLoop)
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        self.writing = Task {
            var failure: (any Error)?
            do {
                if bytes.readableBytes > 0 { try await stream.write(bytes) }
            } catch {
                failure = error
            }
            let result = failure
            eventLoop.execute { core.value.didWrite(result) }
        }
    }

    private func didWrite(_ failure: (any Error)?) {
        guard self.isOpen else { return }
        self.writing = nil
        if let failure {
            self.failed(failure)
            return
        }
        for promise in self.writes.written() { promise.succeed() }
        if self.isOpen, self.writes.count < self.waterMark.low { self.setWritable(true) }
        self.startWriting()
    }

    private func setWritable(_ isWritable: Bool) {
        guard self.flags.isWritable.exchange(isWritable, ordering: .acquiringAndReleasing) != isWritable else { return }
        self.pipeline?.syncOperations.fireChannelWritabilityChanged()
    }

    // MARK: - The end

    private func failed(_ error: any Error) {
        self.pipeline?.syncOperations.fireErrorCaught(error)
        self.close0(error: error, mode: .all, promise: nil)
    }

    /// Closes the connection when it has taken what was flushed.
    private func endBehindWrites() {
        let (writing, rest) = (self.writing, self.writes.flushedRest())
        guard writing != nil || rest != nil else { return self.end() }
        let (stream, eventLoop) = (self.stream, self.eventLoop)
        let core = NIOLoopBound(self, eventLoop: eventLoop)
        self.writing = Task {
            await writing?.value
            if let rest, !Task.isCancelled { try? await stream.write(rest) }
            eventLoop.execute { core.value.end() }
        }
        eventLoop.assumeIsolated().scheduleTask(in: Self.patience) {
            writing?.cancel()
            self.end()
        }
    }

    /// Closes the connection and ends what is under way with it.
    private func end() {
        guard !self.isEnded else { return }
        self.isEnded = true
        self.reading.take()?.cancel()
        self.writing.take()?.cancel()
        let stream = self.stream
        // Not waited for: it is the user's, and may take its time.
        Task { await stream.close() }
    }

    func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all else {
            promise?.fail(ChannelError.operationUnsupported)
            return
        }
        guard self.isOpen, let pipeline = self.pipeline else {
            promise?.fail(ChannelError.alreadyClosed)
            return
        }
        self.isOpen = false
        self.flags.isActive.store(false, ordering: .releasing)
        if case ChannelError.ioOnClosedChannel = error { self.endBehindWrites() } else { self.end() }
        for waiting in self.writes.removeAll() { waiting.fail(error) }
        promise?.succeed()
        pipeline.syncOperations.fireChannelInactive()
        pipeline.syncOperations.fireChannelUnregistered()
        // Later: the handlers may be in the middle of something.
        self.eventLoop.assumeIsolated().execute {
            self.removeHandlers(pipeline: pipeline)
            self.pipeline = nil
            self.closePromise.succeed()
        }
    }
}

// MARK: - Options

extension ByteStreamCore {
    func setOption<Option: ChannelOption>(_ option: Option, _ value: Option.Value) throws {
        guard self.isOpen else { throw ChannelError.ioOnClosedChannel }
        switch (option, value) {
        case (is ChannelOptions.Types.AutoReadOption, let isAutoRead as Bool):
            let begins = isAutoRead && !self.isAutoRead
            self.isAutoRead = isAutoRead
            if begins { self.pipeline?.syncOperations.read() }
        case (
            is ChannelOptions.Types.WriteBufferWaterMarkOption,
            let waterMark as ChannelOptions.Types.WriteBufferWaterMark
        ):
            self.waterMark = waterMark
        case (is ChannelOptions.Types.MaxMessagesPerReadOption, _), (is ChannelOptions.Types.RecvAllocatorOption, _):
            // The connection gives what it has, in buffers of its own.
            break
        default:
            throw ChannelError.operationUnsupported
        }
    }

    func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
        guard self.isOpen else { throw ChannelError.ioOnClosedChannel }
        let value: Any? =
            switch option {
            case is ChannelOptions.Types.AutoReadOption: self.isAutoRead
            case is ChannelOptions.Types.WriteBufferWaterMarkOption: self.waterMark
            case is ChannelOptions.Types.BufferedWritableBytesOption: self.writes.count
            case is ChannelOptions.Types.MaxMessagesPerReadOption: UInt(1)
            default: nil
            }
        guard let value = value as? Option.Value else { throw ChannelError.operationUnsupported }
        return value
    }
}

// MARK: - What does not apply to a connection that stands

extension ByteStreamCore {
    func localAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }

    func remoteAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }

    func register0(promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }

    func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func channelRead0(_ data: NIOAny) {}

    func errorCaught0(error: any Error) {}
}
