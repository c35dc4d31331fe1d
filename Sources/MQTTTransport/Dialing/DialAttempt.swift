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

    /// How many such reads are made before other connections of the event loop have their turn.
    private static let readsPerTurn: UInt = 4

    private let endpoint: Endpoint
    /// Those of a socket whose bytes go to the caller as they were read; a stage between makes buffers of its own.
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
        guard self.endpoint.tls != nil else {
            // With nothing to look up and nothing to do after TCP, the time that TCP is given is all there is.
            if self.address == nil { self.startTimer() }
            self.prepared(Result { try ChannelStages(for: self.endpoint) })
            return
        }
        self.startTimer()
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

    /// The address, where the host is one: it is connected to without looking it up.
    private var address: SocketAddress? {
        let mayBeAddress = self.endpoint.host.utf8.allSatisfy { byte in
            byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte
        }
        return mayBeAddress ? try? SocketAddress(ipAddress: self.endpoint.host, port: self.endpoint.port) : nil
    }

    private func startTimer() {
        self.timer = self.eventLoop.assumeIsolated().scheduleTask(in: self.timeout) { self.timedOut() }
    }

    private func connect(_ bootstrap: ClientBootstrap) -> EventLoopFuture<any Channel> {
        // The bootstrap's own options make a future each; these are set at once. It sets TCP_NODELAY by itself.
        let buffers: any RecvByteBufferAllocator = self.readBuffers ?? LoadSizedReads()
        let bootstrap = bootstrap.connectTimeout(self.timeout).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                guard let options = channel.syncOptions else {
                    throw TransportError(.other, "The event loop's channels have no options.")
                }
                try options.setOption(.recvAllocator, value: buffers)
                try options.setOption(.maxMessagesPerRead, value: Self.readsPerTurn)
                // Not a byte is read before there is somebody to take it.
                try options.setOption(.autoRead, value: false)
            }
        }
        if let address = self.address { return bootstrap.connect(to: address) }
        return bootstrap.connect(host: self.endpoint.host, port: self.endpoint.port)
    }

    private func connected(_ result: Result<any Channel, any Error>, _ stages: ChannelStages) {
        switch result {
        case .failure(ChannelError.connectTimeout):
            self.timedOut()
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
