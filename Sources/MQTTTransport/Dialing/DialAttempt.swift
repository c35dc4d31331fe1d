// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// One attempt of a ``Dialer``, over one or more servers; lives on its event loop.
///
/// Preparation, then for each server a connection and its stages, until one is ready or all have failed.
final class DialAttempt {
    let endpoint: Endpoint
    let eventLoop: any EventLoop
    private let threadPool: NIOThreadPool
    /// Asks for the addresses of hosts.
    private let ask: HostLookup.Ask
    private let timeout: TimeAmount
    private let configure: (any Channel, ReadBuffers?) throws -> Void
    private let promise: EventLoopPromise<any Channel>
    /// What is being done, for the error of a timeout.
    var stage = TransportError.Stage.preparing
    /// The server that is being tried.
    private var server: Endpoint
    /// Those to try after it.
    private var further: ArraySlice<Endpoint> = []
    /// The channel whose stages shake hands.
    private var channel: (any Channel)?
    /// What opens a connection of the user's own.
    private var opening: Task<Void, Never>?
    /// Counts the servers: what comes late from an earlier one is closed.
    private var round = 0
    private var isFinished = false
    private let end = End()
    private let deadline: NIODeadline
    private var timer: Scheduled<Void>?

    init(
        endpoint: Endpoint,
        eventLoop: any EventLoop,
        threadPool: NIOThreadPool,
        ask: @escaping HostLookup.Ask,
        timeout: TimeAmount,
        configure: @escaping (any Channel, ReadBuffers?) throws -> Void,
        promise: EventLoopPromise<any Channel>
    ) {
        self.endpoint = endpoint
        self.server = endpoint
        self.eventLoop = eventLoop
        self.threadPool = threadPool
        let end = self.end
        self.ask = { host, port in
            try end.check()
            return try ask(host, port)
        }
        self.timeout = timeout
        self.deadline = .now() + timeout
        self.configure = configure
        self.promise = promise
    }

    func start() {
        self.startTimer(until: self.deadline)
        guard case .service(let lookup) = self.endpoint.target else {
            self.attemptServer()
            return
        }
        do throws(TransportError) { try self.endpoint.check() } catch {
            self.failed(error)
            return
        }
        self.stage = .nameLookup
        let endpoint = self.endpoint
        self.offLoop(on: HostLookup.threadPool) {
            try lookup.servers().map { endpoint.leading(to: $0) }
        } then: { servers in
            self.further = servers[...]
            self.attemptNext(after: TransportError(.nameResolutionFailed, "\(endpoint) has no servers."))
        }
    }

    /// Does something that blocks elsewhere, then goes on.
    private func offLoop<Value: Sendable>(
        on threadPool: NIOThreadPool? = nil,
        _ work: @escaping @Sendable () throws -> Value,
        then: @escaping (Value) -> Void
    ) {
        let (round, end) = (self.round, self.end)
        let checked: @Sendable () throws -> Value = {
            try end.check()
            return try work()
        }
        (threadPool ?? self.threadPool).runIfActive(eventLoop: self.eventLoop, checked)
            .assumeIsolated()
            .whenComplete { result in
                guard self.isCurrent(round) else { return }
                switch result {
                case .success(let value): then(value)
                case .failure(let error): self.failed(error)
                }
            }
    }

    private func isCurrent(_ round: Int) -> Bool { !self.isFinished && self.round == round }

    // MARK: - One server

    private func attemptNext(after error: TransportError) {
        guard let next = self.further.popFirst() else {
            self.finish(.failure(error))
            return
        }
        self.server = next
        // None may use up the time of those behind it.
        let left = (self.deadline - .now()).nanoseconds / Int64(self.further.count + 1)
        self.startTimer(until: .now() + .nanoseconds(left))
        self.attemptServer()
    }

    private func attemptServer() {
        self.stage = .preparing
        do throws(TransportError) {
            try self.server.check()
            let proxy = try self.server.proxy.proxy(for: self.server)
            if let proxy { try proxy.check() }
            self.prepare(through: proxy)
        } catch {
            self.failed(error)
        }
    }

    private func prepare(through proxy: ProxySettings?) {
        let server = self.server
        guard let proxy, case .host(let host, let port) = server.target else {
            self.prepareStages { try ChannelStages(for: server) }
            return
        }
        guard !proxy.resolvesNames, !server.isIPAddress else {
            self.prepareStages(proxy: proxy) { try ChannelStages(for: server, through: proxy) }
            return
        }
        self.stage = .nameLookup
        let round = self.round
        let family = proxy.addressFamily(server.socketOptions.addressFamily)
        let lookup = HostLookup(family, on: self.eventLoop, ask: self.ask) {}
        lookup.firstAddress(of: host, port: port).assumeIsolated().whenComplete { result in
            guard self.isCurrent(round) else { return }
            guard case .success(let address?) = result, let text = address.ipAddress else {
                var reason = "it has no address"
                if case .failure(let error) = result { reason = "\(error)" }
                self.failed(TransportError(of: server, unresolvedBecause: reason))
                return
            }
            let destination = HostAndPort(host: text, port: port)
            self.prepareStages(proxy: proxy) { try ChannelStages(for: server, through: proxy, to: destination) }
        }
    }

    private func prepareStages(
        proxy: ProxySettings? = nil,
        _ prepare: @escaping @Sendable () throws -> ChannelStages
    ) {
        self.stage = .preparing
        guard self.server.tls != nil || proxy?.tls != nil else {
            // Nothing to read: stays here.
            do { self.connect(try prepare(), through: proxy) } catch { self.failed(error) }
            return
        }
        self.offLoop(prepare) { self.connect($0, through: proxy) }
    }

    private func connect(_ stages: ChannelStages, through proxy: ProxySettings?) {
        self.stage = .connecting
        let round = self.round
        // A socket whose bytes go to the caller as they were read; a stage between makes buffers of its own.
        let isPlain = self.server.tls == nil && self.server.webSocket == nil && !self.server.isStream
        let buffers = isPlain ? ReadBuffers() : nil
        let connected: EventLoopFuture<any Channel>
        do {
            connected = try self.open(through: proxy, buffers: buffers)
        } catch {
            self.failed(error)
            return
        }
        connected.assumeIsolated().whenComplete { result in
            guard self.isCurrent(round) else {
                if case .success(let channel) = result { ChannelStages.abandon(channel) }
                return
            }
            switch result {
            case .success(let channel): self.connected(channel, stages, buffers)
            case .failure(ChannelError.connectTimeout): self.timedOut()
            case .failure(let error):
                self.failed(proxy.map { TransportError(reaching: $0, failedWith: error) } ?? error)
            }
        }
    }

    private func open(through proxy: ProxySettings?, buffers: ReadBuffers?) throws -> EventLoopFuture<any Channel> {
        if case .stream(let source) = self.server.target {
            let promise = self.eventLoop.makePromise(of: (any Channel).self)
            self.opening = ByteStreamChannel.open(source, on: self.eventLoop, promise: promise)
            return promise.futureResult
        }
        let round = self.round
        let connection = SocketConnection(
            options: self.server.socketOptions,
            buffers: buffers,
            timeout: self.deadline - .now(),
            eventLoop: self.eventLoop,
            ask: self.ask
        )
        if case .path(let path) = self.server.target { return try connection.connect(toPath: path) }
        let host = proxy.map { HostAndPort(host: $0.host, port: $0.port) }
        let target = host ?? HostAndPort(host: self.server.host, port: self.server.port)
        if !target.isIPAddress { self.stage = .nameLookup }
        let box = NIOLoopBound(self, eventLoop: self.eventLoop)
        return try connection.connect(to: target) {
            if box.value.isCurrent(round) { box.value.stage = .connecting }
        }
    }

    private func connected(_ channel: any Channel, _ stages: ChannelStages, _ buffers: ReadBuffers?) {
        self.channel = channel
        let round = self.round
        do {
            try channel.syncOptions?.setOption(.autoRead, value: true)
        } catch {
            self.failed(error)
            return
        }
        stages.configure(channel) { if self.isCurrent(round) { self.stage = $0 } }
            .assumeIsolated()
            .whenComplete { result in
                guard self.isCurrent(round) else { return }
                do {
                    try result.get()
                    self.stage = .open
                    try self.configure(channel, buffers)
                } catch {
                    self.failed(error)
                    return
                }
                self.finish(.success(channel))
            }
    }

    // MARK: - The end

    private func startTimer(until deadline: NIODeadline) {
        self.timer?.cancel()
        self.timer = self.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.timedOut() }
    }

    private func timedOut() {
        guard !self.isFinished else { return }
        self.failed(TransportError(timedOutAt: self.stage, to: self.server, after: self.timeout))
    }

    /// This server failed.
    private func failed(_ error: any Error) {
        let error = TransportError(connectingTo: self.server, failedWith: error).at(self.stage)
        // Closing the channel fails its stage at once, which is not the reason.
        self.round += 1
        self.opening.take()?.cancel()
        if let channel = self.channel.take() { ChannelStages.abandon(channel) }
        self.attemptNext(after: error)
    }

    private func finish(_ result: Result<any Channel, TransportError>) {
        self.isFinished = true
        self.end.hasCome.store(true, ordering: .relaxed)
        self.timer?.cancel()
        switch result {
        case .success(let channel): self.promise.succeed(channel)
        case .failure(let error): self.promise.fail(error)
        }
    }
}

/// Whether an attempt is over: what still waits for a thread then is not done any more.
///
/// While name servers are away every attempt of every client leaves a question behind, which would all be asked.
private final class End: Sendable {
    let hasCome = Atomic(false)

    func check() throws { if self.hasCome.load(ordering: .relaxed) { throw CancellationError() } }
}
