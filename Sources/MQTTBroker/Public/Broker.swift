// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTTransport
public import MQTTWire
public import NIOCore
internal import NIOPosix
internal import Synchronization

/// An MQTT broker inside of the program, for tests, demos and work on one's own machine.
///
/// ```swift
/// try await MQTTBroker.withBroker { broker in
///     try await MQTTClient<V5>.withClient(to: broker.endpoint) { client in … }
/// }
/// ```
///
/// It speaks MQTT 3.1, 3.1.1 and 5.0 and keeps everything in memory. Production belongs on a broker made for it, such as
/// Mosquitto, EMQX, HiveMQ or RabbitMQ.
///
/// A broker runs from ``start(_:)`` until ``stop()``, or until nobody holds it any more.
public final class Broker: Sendable {
    private let configuration: BrokerConfiguration
    private let eventLoop: any EventLoop
    private let ownGroup: MultiThreadedEventLoopGroup?
    private let gate: LoopGate
    private let fan: Fan<BrokerEvent>
    private let ends = Fan<Never>()
    private let faultBox: FaultBox
    private let runtime: NIOLoopBound<BrokerRuntime>
    private let listening = Mutex<[BoundListener]>([])
    private let isStopped = Mutex(false)
    /// What begins, ends and begins again comes one after the other.
    private let turn = Mutex<Task<Void, Never>?>(nil)

    /// Starts a broker; when this returns it listens.
    ///
    /// - Throws: ``BrokerError`` when it cannot listen at one of its places; then it does not run at all.
    public static func start(
        _ configuration: BrokerConfiguration = BrokerConfiguration()
    ) async throws(BrokerError) -> Broker {
        let broker = await Broker(configuration)
        do throws(BrokerError) {
            try await broker.listen(at: configuration.listeners)
        } catch {
            await broker.stop()
            throw error
        }
        return broker
    }

    private init(_ configuration: BrokerConfiguration) async {
        let group = configuration.eventLoop == nil ? MultiThreadedEventLoopGroup(numberOfThreads: 1) : nil
        let eventLoop = configuration.eventLoop ?? MultiThreadedEventLoopGroup.singleton.any()
        self.configuration = configuration
        self.ownGroup = group
        self.eventLoop = group?.next() ?? eventLoop
        self.gate = LoopGate(self.eventLoop)
        self.fan = Fan(capacity: configuration.bufferedEvents)
        self.faultBox = FaultBox(configuration.faults)
        self.runtime = await Self.makeRuntime(configuration, self.eventLoop, self.gate, self.fan, self.faultBox)
    }

    private static func makeRuntime(
        _ configuration: BrokerConfiguration,
        _ eventLoop: any EventLoop,
        _ gate: LoopGate,
        _ fan: Fan<BrokerEvent>,
        _ faults: FaultBox
    ) async -> NIOLoopBound<BrokerRuntime> {
        await withCheckedContinuation { continuation in
            eventLoop.execute {
                let runtime = BrokerRuntime(configuration, on: eventLoop, gate: gate, events: fan, faults: faults)
                continuation.resume(returning: NIOLoopBound(runtime, eventLoop: eventLoop))
            }
        }
    }

    deinit {
        guard !self.isStopped.withLock({ $0 }) else { return }
        for listener in self.listening.withLock({ $0 }) { listener.beginClosing() }
        let (runtime, gate, fan, ends, group) = (self.runtime, self.gate, self.fan, self.ends, self.ownGroup)
        gate.execute {
            runtime.value.stop(forgettingSessions: true).whenComplete { _ in
                gate.close()
                fan.finish()
                ends.finish()
                group?.shutdownGracefully { _ in }
            }
        }
    }

    // MARK: - Where it is

    /// Where clients of this program connect to: the first listener, or the broker in memory if there is none.
    ///
    /// That of a listener with TLS trusts the listener's certificate.
    public var endpoint: Endpoint { self.endpoints.first ?? self.inMemoryEndpoint }

    /// Where clients of this program connect to, in the order of the listeners.
    public var endpoints: [Endpoint] { self.listening.withLock { $0 }.map(\.endpoint) }

    /// The port of the first listener; 0 if it has none.
    public var port: Int { self.endpoints.first?.port ?? 0 }

    /// The listeners, with the ports they got.
    public var listeners: [BrokerListener] { self.listening.withLock { $0 }.map(\.listener) }

    /// The broker without a socket, for clients in this program.
    public var inMemoryEndpoint: Endpoint {
        let (gate, runtime) = (self.gate, self.runtime)
        return .custom("broker in memory") {
            let (client, server) = InMemoryByteStream.pair()
            guard gate.execute({ runtime.value.accepted(server) }) else {
                throw TransportError(.connectionRefused, "The broker in memory was stopped.")
            }
            return client
        }
    }

    /// What happens from now on, for one reader; those who read slowly miss the oldest (``BrokerConfiguration/bufferedEvents``).
    ///
    /// It ends when the broker stops.
    public var events: AsyncStream<BrokerEvent> { self.fan.stream() }

    /// What shall go wrong from now on.
    ///
    /// Setting it begins a new count of the packets; those under way stay under way.
    public var faults: FaultScript {
        get { self.faultBox.current }
        set { self.faultBox.current = newValue }
    }

    // MARK: - Beginning and end

    private func listen(at listeners: [BrokerListener]) async throws(BrokerError) {
        for listener in listeners {
            let bound = try await BoundListener(listener, on: self.eventLoop, self.runtime)
            self.listening.withLock { $0.append(bound) }
        }
    }

    /// Stops the broker: clients are told, connections and listeners closed, sessions and messages forgotten.
    ///
    /// It goes on to its end when the caller's task is cancelled. A second call waits for the first.
    public func stop() async {
        await self.inTurn {
            guard !self.isStopped.withLock({ $0 }) else { return }
            await self.goDown(keepingSessions: false)
            self.isStopped.withLock { $0 = true }
            self.gate.close()
            self.fan.finish()
            self.ends.finish()
            try? await self.ownGroup?.shutdownGracefully()
        }
    }

    /// Stops the broker and starts it again on the same ports, as a broker does that is updated.
    ///
    /// Clients of 5.0 are told that the server shuts down, connections are closed.
    ///
    /// - Parameter keepingSessions: Whether sessions, their messages and retained messages are there again, as with a broker that
    ///   stores them; otherwise they are lost.
    /// - Throws: ``BrokerError`` with code ``BrokerError/Code/stopped``; or when another program has taken a port meanwhile: then
    ///   the broker has stopped.
    public func restart(keepingSessions: Bool) async throws(BrokerError) {
        let result = await self.inTurn { () -> Result<Void, BrokerError> in
            guard !self.isStopped.withLock({ $0 }) else { return .failure(.stopped) }
            let listeners = self.listeners
            await self.goDown(keepingSessions: keepingSessions)
            _ = try? await self.onLoop { $0.goOn() }
            do throws(BrokerError) {
                try await self.listen(at: listeners)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        if case .failure = result { await self.stop() }
        try result.get()
    }

    private func goDown(keepingSessions: Bool) async {
        let listeners = self.listening.withLock { listening in
            defer { listening = [] }
            return listening
        }
        for listener in listeners { await listener.close() }
        let closed = try? await self.onLoop { $0.stop(forgettingSessions: !keepingSessions) }
        _ = try? await closed?.get()
    }

    private func inTurn<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) async -> Value {
        let task = self.turn.withLock { last in
            let previous = last
            let task = Task {
                await previous?.value
                return await body()
            }
            last = Task { _ = await task.value }
            return task
        }
        return await task.value
    }

    /// Waits until the broker stops; stops it when the task is cancelled.
    ///
    /// For a program that is a broker and nothing else: `try await Broker.start(configuration).run()`.
    public func run() async {
        for await _ in self.ends.stream() {}
        await self.stop()
    }

    // MARK: - What a test does to its clients

    /// Ends the connection of a client, as an administrator would; a client of 5.0 is told the reason.
    ///
    /// Its will is published. Its session stays as long as it would after a lost connection.
    ///
    /// - Returns: Whether such a client was connected.
    @discardableResult
    public func disconnect(clientID: String, reason: ReasonCode = .administrativeAction) async -> Bool {
        (try? await self.onLoop { $0.disconnect(clientID, reason: reason) }) ?? false
    }

    /// Publishes a message to the clients, from the broker itself.
    ///
    /// - Throws: ``BrokerError`` with code ``BrokerError/Code/invalidMessage`` or ``BrokerError/Code/stopped``.
    public func publish(
        _ payload: ByteBuffer,
        to topic: String,
        qos: QoS = .atMostOnce,
        retain: Bool = false,
        properties: Properties = Properties()
    ) async throws(BrokerError) {
        let outgoing = OutgoingMessage(topic: topic, payload: payload, qos: qos, retain: retain, properties: properties)
        do throws(EncodingError) { _ = try PublishFrame(outgoing, version: .v5) } catch {
            throw BrokerError(.invalidMessage, "The message cannot be published: \(error)", cause: error)
        }
        let message = Publish(topic: topic, payload: payload, qos: qos, retain: retain, properties: properties)
        try await self.onLoop { $0.publish(message) }
    }

    /// Publishes a text to the clients, from the broker itself.
    ///
    /// - Throws: ``BrokerError`` with code ``BrokerError/Code/invalidMessage`` or ``BrokerError/Code/stopped``.
    public func publish(
        _ text: String,
        to topic: String,
        qos: QoS = .atMostOnce,
        retain: Bool = false
    ) async throws(BrokerError) {
        try await self.publish(ByteBuffer(string: text), to: topic, qos: qos, retain: retain)
    }

    private func onLoop<Value: Sendable>(
        _ body: @escaping @Sendable (BrokerRuntime) -> Value
    ) async throws(BrokerError) -> Value {
        let runtime = self.runtime
        let value = await withCheckedContinuation { (continuation: CheckedContinuation<Value?, Never>) in
            let runs = self.gate.execute { continuation.resume(returning: body(runtime.value)) }
            if !runs { continuation.resume(returning: nil) }
        }
        guard let value else { throw .stopped }
        return value
    }
}
