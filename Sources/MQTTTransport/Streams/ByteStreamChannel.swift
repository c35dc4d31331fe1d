// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// The channel of a connection of the user's own; active from the start, until it is closed.
///
/// What its connection does happens in tasks of their own; everything else on the event loop, in ``ByteStreamCore``.
final class ByteStreamChannel: Channel {
    let eventLoop: any EventLoop
    let allocator = ByteBufferAllocator()
    let closeFuture: EventLoopFuture<Void>
    private let core: NIOLoopBound<ByteStreamCore>
    private let flags: ByteStreamFlags
    /// The pipeline knows its channel, which so has to be there before it is.
    private let ownPipeline = Mutex<ChannelPipeline?>(nil)

    /// Makes a channel of a connection; on the event loop.
    static func make(_ stream: any ByteStream, on eventLoop: any EventLoop) -> ByteStreamChannel {
        let core = ByteStreamCore(stream, on: eventLoop)
        let channel = ByteStreamChannel(core)
        let pipeline = ChannelPipeline(channel: channel)
        channel.ownPipeline.withLock { $0 = pipeline }
        core.pipeline = pipeline
        return channel
    }

    private init(_ core: ByteStreamCore) {
        self.eventLoop = core.eventLoop
        self.closeFuture = core.closePromise.futureResult
        self.flags = core.flags
        self.core = NIOLoopBound(core, eventLoop: core.eventLoop)
    }

    var pipeline: ChannelPipeline {
        guard let pipeline = self.ownPipeline.withLock({ $0 }) else {
            preconditionFailure("a channel has a pipeline from the start")
        }
        return pipeline
    }

    var isActive: Bool { self.flags.isActive.load(ordering: .acquiring) }
    var isWritable: Bool { self.flags.isWritable.load(ordering: .acquiring) }
    var localAddress: SocketAddress? { nil }
    /// TLS checks no certificate of a peer without an address, though it looks for a name; this one is of no network.
    var remoteAddress: SocketAddress? { try? SocketAddress(unixDomainSocketPath: "custom") }
    var parent: (any Channel)? { nil }
    var _channelCore: any ChannelCore { self.core.value }
    var syncOptions: (any NIOSynchronousChannelOptions)? { ByteStreamOptions(core: self.core.value) }

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        guard self.eventLoop.inEventLoop else {
            return self.eventLoop.submit { [core] in try core.value.setOption(option, value) }
        }
        return self.eventLoop.makeCompletedFuture { try self.core.value.setOption(option, value) }
    }

    func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        guard self.eventLoop.inEventLoop else {
            return self.eventLoop.submit { [core] in try core.value.getOption(option) }
        }
        return self.eventLoop.makeCompletedFuture { try self.core.value.getOption(option) }
    }
}

/// What may be asked for on any thread.
final class ByteStreamFlags: Sendable {
    let isActive = Atomic(true)
    let isWritable = Atomic(true)
}

private struct ByteStreamOptions: NIOSynchronousChannelOptions {
    let core: ByteStreamCore

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws {
        try self.core.setOption(option, value)
    }

    func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
        try self.core.getOption(option)
    }
}

extension ByteStreamChannel {
    /// Opens a connection and makes it a channel of the event loop, active and not yet read from.
    ///
    /// - Returns: The task that does so; cancelling it asks the user's code to give up.
    static func open(
        _ source: ByteStreamSource,
        on eventLoop: any EventLoop,
        promise: EventLoopPromise<any Channel>
    ) -> Task<Void, Never> {
        Task {
            do {
                let stream = try await source.open.call()
                eventLoop.execute { promise.succeed(ByteStreamChannel.make(stream, on: eventLoop)) }
            } catch {
                promise.fail(TransportError(opening: source, failedWith: error))
            }
        }
    }
}

extension TransportError {
    /// A connection of the user's own could not be opened.
    fileprivate init(opening source: ByteStreamSource, failedWith error: any Error) {
        if let error = error as? TransportError {
            self = error
            return
        }
        let words = String("\(error)".prefix(200))
        self.init(.other, "The connection \(source.name.debugDescription) could not be opened: \(words)", cause: error)
    }
}
