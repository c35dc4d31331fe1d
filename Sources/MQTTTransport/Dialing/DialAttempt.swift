// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix

/// One attempt of a ``Dialer``; lives on its event loop.
final class DialAttempt {
    private enum Phase {
        /// The files of the TLS settings are being read. Next: connecting, finished.
        case preparing
        /// Name lookup and TCP. Next: securing, finished.
        case connecting
        /// The stages shake hands. Next: finished.
        case securing(any Channel)
        /// The promise has its result; what comes late is closed.
        case finished

        var name: String {
            switch self {
            case .preparing: "preparing TLS"
            case .connecting: "name lookup and TCP connection"
            case .securing: "TLS handshake"
            case .finished: "nothing"
            }
        }
    }

    /// Large reads are what makes many small messages cheap; under 128 KiB the memory allocator keeps the buffers.
    private static let readBufferSize = 65_536
    /// How many such reads are made before other connections of the event loop have their turn.
    private static let readsPerTurn: UInt = 4

    private let endpoint: Endpoint
    private let readBuffers: ReadBuffers?
    private let eventLoop: any EventLoop
    private let timeout: TimeAmount
    private let configure: (any Channel, ReadBuffers?) throws -> Void
    private let promise: EventLoopPromise<any Channel>
    private var phase = Phase.preparing
    private var timer: Scheduled<Void>?

    init(
        endpoint: Endpoint,
        eventLoop: any EventLoop,
        timeout: TimeAmount,
        configure: @escaping (any Channel, ReadBuffers?) throws -> Void,
        promise: EventLoopPromise<any Channel>
    ) {
        self.endpoint = endpoint
        self.readBuffers = endpoint.tls == nil ? ReadBuffers() : nil
        self.eventLoop = eventLoop
        self.timeout = timeout
        self.configure = configure
        self.promise = promise
    }

    func start(threadPool: NIOThreadPool) {
        self.timer = self.eventLoop.assumeIsolated().scheduleTask(in: self.timeout) { self.timedOut() }
        guard self.endpoint.tls != nil else {
            self.prepared(Result { try ChannelStages(for: self.endpoint) })
            return
        }
        let endpoint = self.endpoint
        threadPool.runIfActive(eventLoop: self.eventLoop) { try ChannelStages(for: endpoint) }
            .assumeIsolated()
            .whenComplete { self.prepared($0) }
    }

    private func prepared(_ result: Result<ChannelStages, any Error>) {
        guard case .preparing = self.phase else { return }
        switch result {
        case .failure(let error):
            self.fail(TransportError(connectingTo: self.endpoint, failedWith: error))
        case .success(let stages):
            guard let bootstrap = ClientBootstrap(validatingGroup: self.eventLoop) else {
                self.fail(TransportError(.other, "The event loop cannot make sockets; use one of NIOPosix."))
                return
            }
            self.phase = .connecting
            self.connect(bootstrap)
                .assumeIsolated()
                .whenComplete { self.connected($0, stages) }
        }
    }

    private func connect(_ bootstrap: ClientBootstrap) -> EventLoopFuture<any Channel> {
        bootstrap
            .connectTimeout(self.timeout)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.recvAllocator, value: self.readBuffers ?? self.buffersOfStages)
            .channelOption(.maxMessagesPerRead, value: Self.readsPerTurn)
            // Not a byte is read before there is somebody to take it.
            .channelOption(.autoRead, value: false)
            .connect(host: self.endpoint.host, port: self.endpoint.port)
    }

    /// Behind a stage that makes buffers of its own, those of the socket are free again at once.
    private var buffersOfStages: any RecvByteBufferAllocator {
        FixedSizeRecvByteBufferAllocator(capacity: Self.readBufferSize)
    }

    private func connected(_ result: Result<any Channel, any Error>, _ stages: ChannelStages) {
        switch result {
        case .failure(let error):
            self.fail(TransportError(connectingTo: self.endpoint, failedWith: error))
        case .success(let channel):
            guard case .connecting = self.phase else {
                ChannelStages.abandon(channel)
                return
            }
            self.phase = .securing(channel)
            do {
                try channel.syncOptions?.setOption(.autoRead, value: true)
            } catch {
                self.fail(TransportError(connectingTo: self.endpoint, failedWith: error))
                return
            }
            stages.configure(channel).assumeIsolated().whenComplete { self.secured($0, channel) }
        }
    }

    private func secured(_ result: Result<Void, any Error>, _ channel: any Channel) {
        guard case .securing = self.phase else { return }
        do {
            try result.get()
            try self.configure(channel, self.readBuffers)
        } catch {
            self.fail(TransportError(connectingTo: self.endpoint, failedWith: error))
            return
        }
        self.phase = .finished
        self.timer?.cancel()
        self.promise.succeed(channel)
    }

    private func timedOut() {
        self.fail(
            TransportError(
                .connectTimedOut,
                "Connecting to \(self.endpoint) took longer than \(Self.text(self.timeout)); "
                    + "it was not done with: \(self.phase.name)."
            )
        )
    }

    private func fail(_ error: TransportError) {
        let phase = self.phase
        if case .finished = phase { return }
        self.phase = .finished
        self.timer?.cancel()
        if case .securing(let channel) = phase { ChannelStages.abandon(channel) }
        self.promise.fail(error)
    }

    private static func text(_ amount: TimeAmount) -> String {
        let milliseconds = amount.nanoseconds / 1_000_000
        return milliseconds % 1_000 == 0 ? "\(milliseconds / 1_000) s" : "\(milliseconds) ms"
    }
}
