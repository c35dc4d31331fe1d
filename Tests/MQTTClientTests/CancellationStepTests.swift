// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import MQTT

/// Cancels each call at each of its suspension points: whatever it was waiting for, the client stays healthy, identifiers
/// come back, and nothing is left.
@Suite(.timeLimit(.minutes(10)))
struct CancellationStepTests {
    /// A call of a connected client.
    enum Call: String, CaseIterable, CustomTestStringConvertible {
        case publishAtLeastOnce, publishExactlyOnce, publishContents, subscribe, subscribeScoped
        case unsubscribe, next, nextBatch, ping, drain, request

        var testDescription: String { self.rawValue }

        /// What has to be there before the call.
        func prepare(_ client: MQTT5Client) async throws -> MQTTSubscription? {
            switch self {
            case .unsubscribe, .next, .nextBatch:
                return try await client.subscribe(to: "own", qos: .atLeastOnce)
            case .drain:
                try client.enqueue("x", to: "a", qos: .exactlyOnce)
                try client.enqueue("y", to: "a", qos: .atLeastOnce)
                return nil
            default:
                return nil
            }
        }

        /// The call, and what it gave that unsubscribes when it is let go.
        @discardableResult
        func run(_ client: MQTT5Client, _ subscription: MQTTSubscription?) async throws -> MQTTSubscription? {
            switch self {
            case .publishAtLeastOnce: try await client.publish("x", to: "a", qos: .atLeastOnce)
            case .publishExactlyOnce: try await client.publish("x", to: "a", qos: .exactlyOnce)
            case .publishContents:
                let qos: [QoS] = [.atMostOnce, .atLeastOnce, .exactlyOnce]
                try await client.publish(
                    contentsOf: (0..<3).map { OutgoingMessage(topic: "a", payload: ByteBuffer(), qos: qos[$0]) }
                )
            case .subscribe: return try await client.subscribe(to: "b", "c", qos: .exactlyOnce)
            case .subscribeScoped:
                // UNSUBSCRIBE is part of the call.
                try await client.subscribe(to: "b") { _ in }
            case .unsubscribe: await subscription?.unsubscribe()
            case .next: _ = try await subscription?.next()
            case .nextBatch:
                var batches = subscription?.batches.makeAsyncIterator()
                _ = try await batches?.next()
            case .ping: try await client.ping()
            case .drain: await client.link.drain()
            case .request: _ = try await client.request("x", to: "service", qos: .exactlyOnce)
            }
            return nil
        }

        /// Whether it waits for a message, and not for an answer.
        var waitsForNobody: Bool { self == .next || self == .nextBatch }

        /// Whether a cancelled call says so; the others just return.
        var throwsWhenCancelled: Bool {
            switch self {
            case .unsubscribe, .drain, .subscribeScoped: false
            default: true
            }
        }
    }

    /// A server that answers what comes, and holds the answer to one packet back until it is told to go on.
    final class Server: Sendable {
        private let reached = AsyncStream.makeStream(of: Void.self)
        private let goOn = AsyncStream.makeStream(of: Void.self)
        private let task: Mutex<Task<Void, Never>?> = Mutex(nil)

        /// Answers so many packets, then waits at the next one.
        init(_ peer: ScriptedPeer, steps: Int?) {
            let (reached, goOn) = (self.reached, self.goOn)
            let task = Task {
                var left = steps ?? .max
                while let packet = try? await peer.next() {
                    guard let answer = ScriptedPeer.answer(to: packet) else { continue }
                    if left == 0 {
                        reached.continuation.finish()
                        for await _ in goOn.stream {}
                    }
                    left -= 1
                    try? await peer.send([answer] + Self.reply(to: packet))
                }
            }
            self.task.withLock { $0 = task }
        }

        /// What a responder says to a request.
        private static func reply(to packet: Packet) -> [Packet] {
            guard case .publish(let request) = packet, let topic = request.properties.responseTopic else { return [] }
            var reply = Publish(topic: topic, qos: .atMostOnce)
            reply.properties.correlationData = request.properties.correlationData
            return [.publish(reply)]
        }

        deinit { self.task.withLock { $0?.cancel() } }

        /// Returns when the packet has come whose answer is held back.
        func waitForStep() async { for await _ in self.reached.stream {} }

        func release() { self.goOn.continuation.finish() }

        /// The step will not be reached any more.
        func giveUp() { self.reached.continuation.finish() }
    }

    /// Lets the call run until so many answers were given, and cancels it there; false when it ended before.
    private static func cancel(
        _ call: Call,
        afterSteps steps: Int,
        _ client: MQTT5Client,
        _ peer: ScriptedPeer
    ) async throws -> Bool {
        var subscription = try await Self.prepare(call, client, peer)
        let server = Server(peer, steps: steps)
        let hasEnded = Progress()
        let running = Task { [subscription] in
            defer {
                hasEnded.note()
                server.giveUp()
            }
            // Let go behind the end: its UNSUBSCRIBE is no step of the call.
            let given = try await call.run(client, subscription)
            hasEnded.note()
            withExtendedLifetime(given) {}
        }
        if call.waitsForNobody {
            // There is nothing to answer: it waits inside the client.
            for _ in 0..<20 { await Task.yield() }
        } else {
            await server.waitForStep()
        }
        let wasUnderWay = hasEnded.count == 0
        running.cancel()
        switch await running.result {
        case .success:
            #expect(!wasUnderWay || !call.throwsWhenCancelled, "a cancelled \(call) ended well")
        case .failure(let error):
            #expect((error as? MQTTError)?.code == .cancelled, "\(call): \(error)")
        }
        server.release()
        try await Self.checkHealth(of: client, subscription, call)
        subscription = nil
        try await until("everything of \(call) at step \(steps) has ended") { client.leftovers == [] }
        return wasUnderWay
    }

    private static func prepare(
        _ call: Call,
        _ client: MQTT5Client,
        _ peer: ScriptedPeer
    ) async throws -> MQTTSubscription? {
        guard call != .drain else { return try await call.prepare(client) }
        async let preparing = call.prepare(client)
        if [.unsubscribe, .next, .nextBatch].contains(call) { try await peer.grant(try await peer.nextSubscribe()) }
        return try await preparing
    }

    /// Everything works, with a server that answers.
    private static func checkHealth(
        of client: MQTT5Client,
        _ old: MQTTSubscription?,
        _ call: Call
    ) async throws {
        try await client.publish("x", to: "a")
        try await client.publish("x", to: "a", qos: .atLeastOnce)
        try await client.publish("x", to: "a", qos: .exactlyOnce)
        try await client.subscribe(to: "b", "d", qos: .atLeastOnce) { subscription in
            #expect(subscription.reasons == [.grantedQoS1, .grantedQoS1])
        }
        try await client.ping()
        #expect(client.state.isConnected)
        if call != .unsubscribe { await old?.unsubscribe() }
    }

    /// Something that should have gone.
    private struct Remains {
        weak var client: MQTT5Client?
        weak var link: Link?

        init(_ client: MQTT5Client) {
            self.client = client
            self.link = client.link
        }
    }

    /// The client was let go: what it was made of goes with it.
    private static func checkEnd(of world: VirtualWorld, _ remains: Remains) async throws {
        try await until("the client has gone") { remains.client == nil }
        for _ in 0..<3 { try await world.settle() }
        // The world holds what it has set an alarm for.
        try await world.advance(by: .seconds(100_000))
        try await until("the link has gone") { remains.link == nil }
    }

    /// One run of a call; whether it was cancelled before its end.
    private static func round(_ call: Call, _ steps: Int, in world: VirtualWorld) async throws -> (Bool, Remains) {
        let virtual = try await VirtualClient<V5>.connected(in: world) { $0.requests.idleLimit = .zero }
        let isUnderWay = try await Self.cancel(call, afterSteps: steps, virtual.client, virtual.peer)
        return (isUnderWay, Remains(virtual.client))
    }

    @Test(arguments: Call.allCases)
    func `fault 36: a call that is cancelled at any step harms nobody and leaves nothing`(call: Call) async throws {
        for steps in 0... {
            let world = VirtualWorld(version: .v5)
            let (isUnderWay, remains) = try await Self.round(call, steps, in: world)
            try await Self.checkEnd(of: world, remains)
            guard isUnderWay, !call.waitsForNobody else { return }
            try #require(steps < 20)
        }
    }

    @Test(arguments: Call.allCases)
    func `a call of a task that is cancelled already sends nothing that stays`(call: Call) async throws {
        let virtual = try await VirtualClient<V5>.connected(in: VirtualWorld(version: .v5)) {
            $0.requests.idleLimit = .zero
        }
        let (client, peer) = (virtual.client, virtual.peer)
        let subscription = try await Self.prepare(call, client, peer)
        let server = Server(peer, steps: nil)
        let running = Task {
            while !Task.isCancelled { await Task.yield() }
            try await call.run(client, subscription)
        }
        running.cancel()
        switch await running.result {
        case .success: #expect(!call.throwsWhenCancelled)
        case .failure(let error): #expect((error as? MQTTError)?.code == .cancelled)
        }
        try await Self.checkHealth(of: client, subscription, call)
        try await until("everything has ended") { client.leftovers == [] }
        server.release()
    }

    // MARK: - Waiting inside the client

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `a publish cancelled while the window is full is sent in its turn`(qos: QoS) async throws {
        let virtual = try await VirtualClient<V5>.connected(in: VirtualWorld(version: .v5)) { $0.inFlightWindow = 1 }
        let client = virtual.client
        let first = try client.enqueue("first", to: "a")
        let waiting = Task { try await client.publish("second", to: "a", qos: qos) }
        try await until("both are pending") { client.pendingCount == 2 }
        waiting.cancel()
        let error = await #expect(throws: MQTTError.self) { try await waiting.value }
        #expect(error?.code == .cancelled)
        let held = try await virtual.peer.nextPublish()
        try await virtual.peer.send(.pubAck(Acknowledgement(packetID: try #require(held.packetID))))
        try await first.outcome()
        let second = try await virtual.peer.nextPublish()
        #expect(second.payload == ByteBuffer(string: "second"))
        let server = Server(virtual.peer, steps: nil)
        if let answer = ScriptedPeer.answer(to: .publish(second)) { try await virtual.peer.send(answer) }
        try await Self.checkHealth(of: client, nil, .ping)
        try await until("everything has ended") { client.leftovers == [] }
        server.release()
    }

    @Test func `a QoS 0 publish cancelled while the peer takes nothing has given its message all the same`()
        async throws
    {
        let virtual = try await VirtualClient<V5>.connected(in: VirtualWorld(version: .v5)) {
            $0.requests.idleLimit = .zero
        }
        let (client, peer) = (virtual.client, virtual.peer)
        peer.channel.isWritable = false
        let payload = ByteBuffer(repeating: 7, count: 1_200_000)
        let waiting = Task { try await client.publish(payload, to: "a") }
        try await until("the publisher is paced") { client.callCount == 1 }
        waiting.cancel()
        #expect(try await waiting.value == PublishOutcome())
        peer.channel.isWritable = true
        try await peer.channel.testingEventLoop.executeInContext {
            peer.channel.pipeline.fireChannelWritabilityChanged()
        }
        #expect(try await peer.nextPublish().payload == payload)
        let server = Server(peer, steps: nil)
        try await Self.checkHealth(of: client, nil, .ping)
        try await until("everything has ended") { client.leftovers == [] }
        server.release()
    }

    @Test func `calls cancelled while they wait for a connection leave a client that connects again`() async throws {
        let world = VirtualWorld(version: .v5)
        let virtual = try await VirtualClient<V5>.connected(in: world) { $0.requests.idleLimit = .zero }
        let client = virtual.client
        try await world.cut(virtual.peer)
        let calls: [Task<Void, any Error>] = [
            Task { try await client.publish("0", to: "a", whenOffline: .wait) },
            Task { try await client.publish("1", to: "a", qos: .atLeastOnce) },
            Task { try await client.publish("2", to: "a", qos: .exactlyOnce) },
            Task { _ = try await client.subscribe(to: "a") },
            Task { try await client.connect() },
            Task { await client.link.drain() },
        ]
        try await until("all wait") { client.callCount == calls.count }
        for call in calls { call.cancel() }
        for (index, call) in calls.enumerated() {
            let result = await call.result
            guard index < calls.count - 1 else { break }
            #expect(throws: MQTTError.self) { try result.get() }
        }
        let peer = try await world.redial()
        let server = Server(peer, steps: nil)
        // The messages go out: cancelling stopped the wait, not the delivery.
        try await Self.checkHealth(of: client, nil, .ping)
        try await until("everything has ended") { client.leftovers == [] }
        server.release()
    }

    // MARK: - Connecting

    /// Where a call of connect is when it is cancelled.
    enum ConnectStep: CaseIterable { case dialing, handshaking, waiting }

    @Test(arguments: ConnectStep.allCases)
    func `a connect cancelled at any step leaves a client that can connect`(step: ConnectStep) async throws {
        let world = VirtualWorld(version: .v5)
        let remains = try await Self.connectTwice(cancellingAt: step, in: world)
        try await Self.checkEnd(of: world, remains)
    }

    private static func connectTwice(cancellingAt step: ConnectStep, in world: VirtualWorld) async throws -> Remains {
        var configuration = MQTT5Client.Configuration()
        configuration.clientID = "virtual"
        configuration.retriesFirstAttempt = true
        let client = MQTT5Client(configuration: configuration, world: world, eventLoop: world.eventLoop)
        if step == .waiting { world.refuse(1) }
        let connecting = Task { try await client.connect() }
        switch step {
        case .dialing: try await until("the call has begun") { client.callCount == 1 }
        case .handshaking: _ = try await world.accept().next()
        case .waiting:
            try await until("the first dial has failed") {
                client.link.state.withLock { $0.engine.lastFailure != nil }
            }
        }
        connecting.cancel()
        let error = await #expect(throws: MQTTError.self) { try await connecting.value }
        #expect(error?.code == .cancelled)
        #expect(client.leftovers == [])
        guard case .disconnected = client.state else {
            Issue.record("\(client.state)")
            return Remains(client)
        }
        async let connected = client.connect()
        let peer = try await Self.acceptLive(world)
        _ = try await connected
        let server = Server(peer, steps: nil)
        try await Self.checkHealth(of: client, nil, .ping)
        try await until("everything has ended") { client.leftovers == [] }
        server.release()
        return Remains(client)
    }

    /// The next connection that is not one of the cancelled call, closed as soon as it stood.
    private static func acceptLive(_ world: VirtualWorld) async throws -> ScriptedPeer {
        while true {
            let peer = await world.accept()
            for _ in 0..<3 { try await world.settle() }
            guard peer.channel.isActive else { continue }
            try await peer.acceptConnect()
            return peer
        }
    }
}
