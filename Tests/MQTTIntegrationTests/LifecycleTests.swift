// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Logging
import MQTT
import MosquittoFixture
import Testing

#if ServiceLifecycle
import ServiceLifecycle
#endif

/// From the first connection to the last.
@Suite(.timeLimit(.minutes(10))) struct LifecycleTests {
    /// Of one test alone: nobody else publishes to it.
    private let topic = unique("own")

    private func withProxy(_ body: @escaping @Sendable (CuttingProxy) async throws -> Void) async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            try await CuttingProxy.withProxy(to: server.port, body)
        }
    }

    @Test(arguments: TestedVersion.allCases)
    func `events tell of a loss and of the way back, in order`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await self.withProxy { proxy in
                let client = MQTTClient<V>.local(proxy.port)
                var events = client.events.makeAsyncIterator()
                try await client.connect()
                let messages = try await client.subscribe(to: unique("events"), qos: .atLeastOnce)
                try await proxy.cut()
                let expected = ["connected", "disconnected", "reconnecting", "connected"]
                for name in expected {
                    let event = try #require(await events.next(isolation: #isolation))
                    #expect("\(event)".hasPrefix(name), "\(event)")
                    if case .disconnected(let error) = event { #expect(error.code == .connectionLost) }
                    if case .reconnecting(let attempt, let wait) = event {
                        #expect(attempt == 1 && wait <= .milliseconds(10))
                    }
                }
                #expect(client.state.isConnected)
                // The subscription was made again.
                let topic = messages.filters[0].string
                try await client.publish("still there", to: topic, qos: .atLeastOnce)
                #expect(try await messages.take(1)[0].text == "still there")
                await client.disconnect()
                #expect(try await messages.next() == nil)
                let last = try #require(await events.next(isolation: #isolation))
                guard case .disconnected(let error) = last else {
                    Issue.record("\(last)")
                    return
                }
                #expect(error.code == .clientClosed)
            }
        }
        try await run(version.type)
    }

    @Test func `after so many attempts the client gives up, and everything ends with the reason`() async throws {
        try await self.withProxy { proxy in
            let client = MQTT5Client.local(proxy.port, keepsSession: true) { $0.reconnect.maximumAttempts = 3 }
            var events = client.events.makeAsyncIterator()
            try await client.connect()
            let messages = try await client.subscribe(to: self.topic)
            try await proxy.blackHole()
            let sent = try client.enqueue("sent", to: self.topic)
            try await proxy.refuseConnections()
            try await proxy.cut()
            var attempts: [Int] = []
            try await wait(for: "giving up", in: &events) { event in
                if case .reconnecting(let attempt, _) = event { attempts.append(attempt) }
                guard case .gaveUp(let error) = event else { return false }
                #expect(error.code == .transportFailed)
                #expect((error.cause as? TransportError)?.code == .connectionRefused)
                return true
            }
            #expect(attempts == [1, 2, 3])
            try await failure(.transportFailed) { _ = try await messages.next() }
            try await failure(.outcomeUnknown) { try await sent.outcome() }
            guard case .disconnected = client.state else {
                Issue.record("\(client.state)")
                return
            }
            // It can be asked again.
            try await proxy.forward()
            try await proxy.acceptConnections()
            try await client.connect()
            await client.disconnect()
        }
    }

    @Test func `a first attempt fails at once, or is retried when asked to`() async throws {
        try await self.withProxy { proxy in
            try await proxy.refuseConnections()
            let once = MQTT5Client.local(proxy.port)
            let error = try await failure(.transportFailed) { try await once.connect() }
            #expect((error.cause as? TransportError)?.code == .connectionRefused)
            let patient = MQTT5Client.local(proxy.port) { $0.retriesFirstAttempt = true }
            var events = patient.events.makeAsyncIterator()
            let connecting = Task { try await patient.connect() }
            try await wait(for: "a second attempt", in: &events) { event in
                if case .reconnecting(2, _) = event { true } else { false }
            }
            try await proxy.acceptConnections()
            _ = try await connecting.value
            await patient.disconnect()
        }
    }

    @Test func `letting go of the client closes its connection`() async throws {
        try await self.withProxy { proxy in
            do {
                let client = MQTT5Client.local(proxy.port)
                try await client.connect()
                #expect(try await proxy.openConnectionCount == 1)
            }
            try await proxy.waitUntilUnused()
            // While it is lost, too: nobody comes back.
            do {
                let client = MQTT5Client.local(proxy.port)
                let messages = try client.declareSubscription(to: self.topic)
                try await client.connect()
                #expect(messages.filters.count == 1)
            }
            try await proxy.waitUntilUnused()
            #expect(try await proxy.connectionCount == 2)
        }
    }

    @Test func `disconnecting is safe before, twice, and after a loss`() async throws {
        try await self.withProxy { proxy in
            let client = MQTT5Client.local(proxy.port)
            await client.disconnect()
            try await client.connect()
            // At once again: the same connection.
            try await client.connect()
            #expect(try await proxy.connectionCount == 1)
            await client.disconnect()
            await client.disconnect()
            #expect(!client.state.isConnected)
            try await client.connect()
            var events = client.events.makeAsyncIterator()
            try await proxy.refuseConnections()
            try await proxy.cut()
            try await wait(for: "the loss", in: &events) { $0.isDisconnected }
            await client.disconnect()
            guard case .disconnected = client.state else {
                Issue.record("\(client.state)")
                return
            }
            try await proxy.waitUntilUnused()
        }
    }

    @Test func `many callers of connect share one connection`() async throws {
        try await self.withProxy { proxy in
            let client = MQTT311Client.local(proxy.port)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<10 { group.addTask { _ = try await client.connect() } }
                try await group.waitForAll()
            }
            #expect(try await proxy.connectionCount == 1)
            await client.disconnect()
        }
    }

    @Test func `fault 2: a silent link is found by the keep-alive and made again`() async throws {
        try await self.withProxy { proxy in
            let client = MQTT5Client.local(proxy.port) {
                $0.keepAlive = .seconds(1)
                $0.pingTimeout = .seconds(1)
            }
            try await client.connect()
            let roundTrip = try await client.ping()
            #expect(roundTrip > .zero && roundTrip < .seconds(5))
            var events = client.events.makeAsyncIterator()
            try await proxy.blackHole()
            try await wait(for: "the loss", in: &events) { event in
                guard case .disconnected(let error) = event else { return false }
                #expect(error.code == .connectionLost)
                return true
            }
            try await proxy.forward()
            try await wait(for: "connected", in: &events) { $0.isConnected }
            try await client.publish("on", to: self.topic, qos: .atLeastOnce)
            await client.disconnect()
        }
    }

    @Test func `run stays connected until it is cancelled`() async throws {
        try await self.withProxy { proxy in
            let client = MQTT5Client.local(proxy.port)
            var events = client.events.makeAsyncIterator()
            let running = Task { try await client.run() }
            try await wait(for: "connected", in: &events) { $0.isConnected }
            running.cancel()
            try await running.value
            #expect(!client.state.isConnected)
            try await proxy.waitUntilUnused()
        }
    }

    @Test func `run ends with the error when the client gives up`() async throws {
        try await self.withProxy { proxy in
            let client = MQTT5Client.local(proxy.port) { $0.reconnect = .never }
            var events = client.events.makeAsyncIterator()
            let running = Task { try await client.run() }
            try await wait(for: "connected", in: &events) { $0.isConnected }
            try await proxy.cut()
            try await failure(.connectionLost) { try await running.value }
        }
    }

    #if ServiceLifecycle
    @Test func `a service group shuts the client down after what is under way`() async throws {
        try await self.withProxy { proxy in
            let client = MQTT5Client.local(proxy.port)
            var events = client.events.makeAsyncIterator()
            let group = ServiceGroup(services: [client], logger: Logger(label: "test"))
            let running = Task { try await group.run() }
            try await wait(for: "connected", in: &events) { $0.isConnected }
            let receipts = try (0..<200).map { try client.enqueue($0, to: self.topic, qos: .exactlyOnce) }
            await group.triggerGracefulShutdown()
            try await running.value
            for receipt in receipts { try await receipt.outcome() }
            try await wait(for: "the end", in: &events) { event in
                guard case .disconnected(let error) = event else { return false }
                return error.code == .clientClosed
            }
            try await proxy.waitUntilUnused()
        }
    }
    #endif
}
