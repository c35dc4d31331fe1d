// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import Testing

/// Several brokers: the client goes to another one when one refuses or is lost.
@Suite(.timeLimit(.minutes(5))) struct FailoverTests {
    private static func client<V: TestVersion>(
        _: V.Type,
        to servers: [MosquittoServer],
        _ change: (inout MQTTClient<V>.Configuration) -> Void = { _ in }
    ) -> MQTTClient<V> {
        var configuration = MQTTClient<V>.Configuration()
        configuration.reconnect = .fast
        configuration.handshakeTimeout = .seconds(100)
        configuration.pingTimeout = .seconds(100)
        change(&configuration)
        let endpoints = servers.map { Endpoint.tcp("127.0.0.1", port: $0.port) }
        return MQTTClient(to: endpoints, clientID: unique("c"), configuration: configuration)
    }

    @Test(arguments: TestedVersion.allCases)
    func `a broker is killed while messages flow, and the client moves over with all it holds`(
        version: TestedVersion
    ) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline(.seconds(120)) {
                try await MosquittoServer.withServer { first in
                    try await MosquittoServer.withServer(.init(persistence: true)) { second in
                        try await Self.moveOver(V.self, first, second)
                    }
                }
            }
        }
        try await run(version.type)
    }

    private static func moveOver<V: TestVersion>(
        _: V.Type,
        _ first: MosquittoServer,
        _ second: MosquittoServer
    ) async throws {
        let count = 20_000
        let publisher = Self.client(V.self, to: [first, second]) { $0.inFlightWindow = 20 }
        try await publisher.connect()
        var events = publisher.events.makeAsyncIterator()
        // A session at the other one is to keep all that comes there.
        let before = MQTTClient<V>.local(second.port, clientID: "keeper", keepsSession: true)
        try await before.connect()
        let kept = try await before.subscribe(to: "f/#", qos: .atLeastOnce)
        await before.disconnect()
        #expect(try await kept.next() == nil)
        // It takes nobody until it is known what the first one has taken.
        try await second.stop()
        var receipts: [PublishReceipt] = []
        for number in 0..<count / 2 {
            receipts.append(try publisher.enqueue(number, to: "f/a", qos: .atLeastOnce))
        }
        try await receipts[50].outcome()
        try await first.kill()
        for number in count / 2..<count {
            receipts.append(try publisher.enqueue(number, to: "f/a", qos: .atLeastOnce))
        }
        try await wait(for: "the loss", in: &events) { $0.isDisconnected }
        let taken = receipts.prefix { $0.isComplete }.count
        #expect(taken > 50 && taken < count / 2, "the loss was not in the middle of the traffic")
        #expect(receipts.dropFirst(taken).allSatisfy { !$0.isComplete })

        try await second.start()
        for receipt in receipts { try await receipt.outcome() }
        try await publisher.publish("end", to: "f/end", qos: .atLeastOnce)
        try await wait(for: "the other broker", in: &events) { event in
            guard case .connected(let info) = event else { return false }
            return info.endpoint == .tcp("127.0.0.1", port: second.port)
        }
        await publisher.disconnect()

        let keeper = MQTTClient<V>.local(second.port, clientID: "keeper", keepsSession: true)
        let arrivals = try keeper.declareSubscription(to: "f/#", qos: .atLeastOnce)
        try await keeper.connect()
        let arrived = try await arrivals.take(until: "end").compactMap { $0.text.flatMap { Int($0) } }
        await keeper.disconnect()
        #expect(arrived == Array(taken..<count), "the client lost, doubled or reordered messages it held")
    }

    @Test(arguments: TestedVersion.allCases)
    func `subscriptions go along to the other broker, and back again`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline(.seconds(120)) {
                try await MosquittoServer.withServer { first in
                    try await MosquittoServer.withServer { second in
                        let client = Self.client(V.self, to: [first, second])
                        let info = try await client.connect()
                        #expect(info.endpoint == .tcp("127.0.0.1", port: first.port))
                        var events = client.events.makeAsyncIterator()
                        let messages = try await client.subscribe(to: "g/#", qos: .atLeastOnce)
                        for (lost, other) in [(first, second), (second, first)] {
                            try await lost.kill()
                            try await Self.expectMove(in: &events, to: other)
                            try await MQTTClient<V>.connected(other.port) { sender in
                                // Until the subscription is made again.
                                try await Self.publish("\(other.port)", with: sender, until: messages)
                            }
                            try await lost.start()
                        }
                        await client.disconnect()
                    }
                }
            }
        }
        try await run(version.type)
    }

    /// The loss, one wait within the first bound of the back-off, and the connection to the other broker.
    private static func expectMove(
        in events: inout AsyncStream<MQTTEvent>.Iterator,
        to server: MosquittoServer
    ) async throws {
        var waits: [Duration] = []
        while let event = await events.next(isolation: #isolation) {
            switch event {
            case .reconnecting(_, let after): waits.append(after)
            case .connected(let info) where !waits.isEmpty:
                #expect(info.endpoint == .tcp("127.0.0.1", port: server.port))
                #expect(waits.count == 1 && waits[0] <= .milliseconds(50))
                return
            default: break
            }
        }
        Issue.record("the client did not move")
    }

    private static func publish<V: TestVersion>(
        _ text: String,
        with sender: MQTTClient<V>,
        until messages: MQTTSubscription
    ) async throws {
        let arrival = Task { try await messages.take(until: text) }
        try await sender.publish(text, to: "g/a", qos: .atLeastOnce, retain: true)
        _ = try await arrival.value
    }

    @Test(arguments: TestedVersion.allCases)
    func `a broker that refuses the user is passed over for one that takes it`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline(.seconds(120)) {
                try await MosquittoServer.withServer(.init(users: ["someone": "else"])) { strict in
                    let open = try await SharedBroker.server
                    let client = Self.client(V.self, to: [strict, open])
                    let info = try await client.connect()
                    #expect(info.endpoint == .tcp("127.0.0.1", port: open.port))
                    await client.disconnect()

                    let refused = Self.client(V.self, to: [strict, strict])
                    let error = try await failure(.connectRefused) { try await refused.connect() }
                    #expect(error.reason == .notAuthorized)
                }
            }
        }
        try await run(version.type)
    }

    @Test func `without any endpoint nothing is tried`() async throws {
        let client = MQTT5Client(to: [])
        let error = try await failure(.invalidArgument) { try await client.connect() }
        #expect(error.message.contains("at least one"))
    }

    @Test func `when no broker can be reached the error is of the last, after each was tried`() async throws {
        try await withDeadline(.seconds(120)) {
            let server = try await MosquittoServer.start()
            try await server.stop()
            let other = try await MosquittoServer.start()
            try await other.stop()
            let client = Self.client(V5.self, to: [server, other])
            var events = client.events.makeAsyncIterator()
            let error = try await failure(.transportFailed) { try await client.connect() }
            #expect(error.transportError?.code == .connectionRefused)
            #expect(error.message.contains(":\(other.port)"))
            try await wait(for: "the first failure", in: &events) { event in
                guard case .disconnected(let error) = event else { return false }
                return error.message.contains(":\(server.port)")
            }
        }
    }
}
