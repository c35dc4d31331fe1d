// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTTransport
import NIOCore
import Testing

@testable import MQTTBroker

/// How a broker begins and ends, and what its owner can do with it.
@Suite(.timeLimit(.minutes(5))) struct NetworkLifecycleTests {
    private struct Failed: Error {}

    @Test func `a scope gives its result and its errors, and the broker is gone behind it`() async throws {
        let (port, broker) = try await MQTTBroker.withBroker { ($0.port, $0) }
        #expect(port > 0)
        await #expect(throws: (any Error).self) { try await RawClient.with(port: port) { _ in } }
        await #expect(throws: Failed.self) { try await MQTTBroker.withBroker { _ in throw Failed() } }
        await broker.stop()
        #expect(broker.endpoints == [])
        let error = await #expect(throws: BrokerError.self) { try await broker.restart(keepingSessions: true) }
        #expect(error?.code == .stopped)
        #expect(await broker.disconnect(clientID: "a") == false)
    }

    @Test func `a broker that nobody holds any more ends`() async throws {
        var broker: Broker? = try await Broker.start()
        let events = try #require(broker).events
        broker = nil
        #expect(await events.first { _ in true } == nil)
    }

    @Test func `stopping says goodbye, and the reading of events ends`() async throws {
        let broker = try await Broker.start()
        let events = broker.events
        try await RawClient.with(port: broker.port) { client in
            try await client.send(RawClient.connect)
            #expect(await client.next(4) == RawClient.connAck)
            await broker.stop()
            #expect(await client.rest() == [])
        }
        #expect(await events.first { $0 == .sessionEnded(clientID: "nobody") } == nil)
        await broker.stop()
    }

    @Test func `stopping waits neither for handshakes nor for the user's code`() async throws {
        var configuration = BrokerConfiguration(listeners: [.tcp(), .webSocket()])
        configuration.authenticate = { _ in
            // Until its task is cancelled.
            let (nothing, source) = AsyncStream.makeStream(of: Never.self)
            for await _ in nothing {}
            source.finish()
            return .success
        }
        let broker = try await Broker.start(configuration)
        let ports = broker.endpoints.map(\.port)
        try await RawClient.with(port: ports[0]) { one in
            try await RawClient.with(port: ports[1]) { other in
                try await one.send(RawClient.connect)
                try await other.send(Array("GET ".utf8))
                await broker.stop()
                #expect(await one.rest() == [])
                #expect(await other.rest() == [])
            }
        }
    }

    @Test func `a restart keeps the ports, and clients come back`() async throws {
        try await withBroker(BrokerConfiguration(listeners: [.tcp(), .webSocket()])) { broker in
            let endpoints = broker.endpoints
            try await MQTTClient<V5>.withClient(to: broker.endpoint, clientID: "a") { client in
                let events = broker.events
                try await broker.restart(keepingSessions: false)
                #expect(broker.endpoints == endpoints)
                let back = await events.first { if case .connected(clientID: "a", _, _) = $0 { true } else { false } }
                #expect(back != nil)
                _ = try await client.publish("x", to: "a", qos: .atLeastOnce)
            }
        }
    }

    @Test func `stopping and restarting at once end in a broker that is stopped`() async throws {
        let broker = try await Broker.start()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { try? await broker.restart(keepingSessions: true) }
                group.addTask { await broker.stop() }
            }
        }
        #expect(broker.endpoints == [])
    }

    @Test func `the long-running form ends with its task`() async throws {
        let broker = try await Broker.start()
        let task = Task { await broker.run() }
        task.cancel()
        await task.value
        #expect(broker.endpoints == [])
    }

    @Test func `the long-running form ends when the broker is stopped`() async throws {
        let broker = try await Broker.start()
        async let run: Void = broker.run()
        await broker.stop()
        await run
    }

    @Test func `a client is disconnected by its identifier and told why`() async throws {
        try await withBroker { broker in
            let client = MQTTClient<V5>(to: broker.endpoint, clientID: "a")
            try await client.connect()
            let events = broker.events
            #expect(await broker.disconnect(clientID: "b") == false)
            #expect(await broker.disconnect(clientID: "a", reason: .administrativeAction))
            #expect(await events.first(\.isDisconnected) != nil)
            await client.disconnect()
        }
    }

    @Test func `the broker publishes, and refuses what cannot be`() async throws {
        try await withBroker { broker in
            try await MQTTClient<V5>.withClient(to: broker.inMemoryEndpoint) { client in
                let subscription = try await client.subscribe(to: "a")
                try await broker.publish("hello", to: "a")
                var messages = subscription.makeAsyncIterator()
                #expect(try await messages.next()?.payload == ByteBuffer(string: "hello"))
            }
            let error = await #expect(throws: BrokerError.self) { try await broker.publish("x", to: "a/#") }
            #expect(error?.code == .invalidMessage)
        }
    }

    @Test func `an event of a client cannot look like two lines`() {
        let event = BrokerEvent.subscribed(clientID: "a\n\"b\u{1B}[1m", filter: "#", reason: .success)
        #expect(event.description == ##""a\n\"b\u{1B}[1m" subscribed to "#", QoS 0"##)
    }

    @Test func `a reader of events that is slow misses the oldest`() async throws {
        let fan = Fan<Int>(capacity: 2)
        let stream = fan.stream()
        for number in 1...5 { fan.send(number) }
        fan.finish()
        var read: [Int] = []
        for await number in stream { read.append(number) }
        #expect(read == [4, 5])
        for await _ in fan.stream() { Issue.record("it has ended") }
    }
}
