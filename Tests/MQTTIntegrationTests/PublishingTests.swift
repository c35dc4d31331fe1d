// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import NIOCore
import Testing

/// How a publish ends, whatever happens to the connection.
@Suite(.timeLimit(.minutes(10))) struct PublishingTests {
    /// Of one test alone: nobody else publishes to it.
    private let topic = unique("own")

    /// A client behind a proxy that can hold everything back.
    private func withProxied(
        _ change: @escaping @Sendable (inout MQTT5Client.Configuration) -> Void = { _ in },
        _ body: @escaping @Sendable (MQTT5Client, CuttingProxy) async throws -> Void
    ) async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            try await CuttingProxy.withProxy(to: server.port) { proxy in
                try await MQTT5Client.connected(proxy.port, keepsSession: true, change) { try await body($0, proxy) }
            }
        }
    }

    @Test(arguments: TestedVersion.allCases)
    func `receipts tell what became of each message`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let topic = unique("receipts")
                try await MQTTClient<V>.connected(server.port) { client in
                    let messages = try await client.subscribe(to: topic, qos: .exactlyOnce)
                    let receipts = try (0..<300).map { try client.enqueue($0, to: topic, qos: QoS.allCases[$0 % 3]) }
                    #expect(receipts[0].isComplete)
                    for receipt in receipts {
                        #expect(try await receipt.outcome().reason == .success)
                        #expect(receipt.isComplete)
                        // Asked twice, it says the same.
                        try await receipt.outcome()
                    }
                    // The order is kept among messages of one QoS.
                    let taken = try await messages.take(300)
                    for (index, qos) in QoS.allCases.enumerated() {
                        let texts = taken.filter { $0.qos == qos }.map(\.text)
                        #expect(texts == (0..<100).map { "\($0 * 3 + index)" })
                    }
                }
            }
        }
        try await run(version.type)
    }

    @Test(arguments: TestedVersion.allCases)
    func `ten thousand messages go out in order`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let topic = unique("many")
                try await MQTTClient<V>.connected(server.port) { client in
                    let messages = try await client.subscribe(to: topic, qos: .exactlyOnce)
                    let reading = Task { try await messages.take(10_000).map { $0.text.flatMap { Int($0) } } }
                    let count = try await client.publish(
                        contentsOf: (0..<10_000).lazy.map { number in
                            OutgoingMessage(topic: topic, payload: "\(number)".mqttPayload, qos: .atLeastOnce)
                        }
                    )
                    #expect(count == 10_000)
                    let numbers = try await reading.value
                    #expect(numbers == Array(0..<10_000))
                }
            }
        }
        try await run(version.type)
    }

    @Test func `the server says that nobody subscribes`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            try await MQTT5Client.connected(server.port) { client in
                // Mosquitto says it in PUBACK, and not in PUBREC.
                let outcome = try await client.publish("x", to: unique("nobody"), qos: .atLeastOnce)
                #expect(outcome.hasNoSubscribers)
                #expect(outcome.reason == .noMatchingSubscribers)
            }
        }
    }

    @Test func `a mistake of the caller is told before a byte is sent`() async throws {
        try await self.withProxied { client, proxy in
            let before = try await proxy.forwardedBytes(.clientToServer)
            for topic in ["", "a/#", "a/+/b", "a\u{0}", String(repeating: "x", count: 65_536)] {
                try await failure(.invalidTopic) { try await client.publish("x", to: topic, qos: .atLeastOnce) }
                try await failure(.invalidTopic) { try client.enqueue("x", to: topic) }
                try await failure(.invalidTopic) {
                    try await client.publish(contentsOf: [OutgoingMessage(topic: topic, payload: ByteBuffer())])
                }
            }
            for filter in ["", "a/#/b", "a#", "a+", "$share/x"] {
                try await failure(.invalidFilter) { _ = try await client.subscribe(to: filter) }
            }
            try await failure(.invalidArgument) {
                try await client.publish("x", to: self.topic, properties: [.subscriptionIdentifier(1)])
            }
            #expect(try await proxy.forwardedBytes(.clientToServer) == before)
            try await client.ping()
        }
    }

    @Test func `a full queue refuses more and loses nothing`() async throws {
        let small: @Sendable (inout MQTT5Client.Configuration) -> Void = { $0.pendingMessageLimit = 5 }
        try await self.withProxied(small) { client, proxy in
            try await proxy.blackHole()
            let receipts = try (0..<5).map { try client.enqueue($0, to: self.topic) }
            try await failure(.queueFull) { try client.enqueue("one too many", to: self.topic) }
            try await failure(.queueFull) {
                try await client.publish("one too many", to: self.topic, qos: .exactlyOnce)
            }
            try await proxy.forward()
            for receipt in receipts { try await receipt.outcome() }
            try await client.publish("room again", to: self.topic, qos: .exactlyOnce)
        }
    }

    @Test func `without a connection QoS 0 fails and QoS 1 waits`() async throws {
        try await self.withProxied { client, proxy in
            var events = client.events.makeAsyncIterator()
            try await proxy.refuseConnections()
            try await proxy.cut()
            try await wait(for: "the loss", in: &events) { $0.isDisconnected }
            try await failure(.notConnected) { try await client.publish("x", to: self.topic) }
            try await failure(.notConnected) { try client.enqueue("x", to: self.topic, qos: .atMostOnce) }
            try await failure(.notConnected) { try await client.ping() }
            let waiting = try client.enqueue("y", to: self.topic, qos: .exactlyOnce)
            let subscribing = Task { try await client.subscribe(to: self.topic, qos: .atLeastOnce) }
            try await proxy.acceptConnections()
            try await waiting.outcome()
            let messages = try await subscribing.value
            try await client.publish("z", to: self.topic, qos: .atLeastOnce)
            let before = try await messages.take(until: "z")
            #expect(before.filter { $0.text != "y" }.isEmpty)
        }
        let never = MQTT5Client(to: .tcp("127.0.0.1", port: 1))
        try await failure(.notConnected) { try await never.publish("x", to: self.topic, qos: .atLeastOnce) }
        try await failure(.notConnected) { _ = try await never.subscribe(to: self.topic) }
    }

    @Test func `calls may be told to wait, or not to wait, for a connection`() async throws {
        let other: @Sendable (inout MQTT5Client.Configuration) -> Void = {
            $0.offline = OfflinePolicy(publishAtMostOnce: .queue, publishAcknowledged: .fail, subscribe: .fail)
        }
        try await self.withProxied(other) { client, proxy in
            let topic = unique("offline")
            let messages = try await client.subscribe(to: topic)
            var events = client.events.makeAsyncIterator()
            try await proxy.refuseConnections()
            try await proxy.cut()
            try await wait(for: "the loss", in: &events) { $0.isDisconnected }
            try await failure(.notConnected) { try await client.publish("x", to: topic, qos: .atLeastOnce) }
            try await failure(.notConnected) { _ = try await client.subscribe(to: topic) }
            for number in 0..<3 { try await client.publish(number, to: topic) }
            try await proxy.acceptConnections()
            #expect(try await messages.take(3).map(\.text) == ["0", "1", "2"])
        }
    }

    @Test func `a publish goes on across a reconnect`() async throws {
        try await self.withProxied { client, proxy in
            let topic = unique("across")
            let messages = try await client.subscribe(to: topic, qos: .exactlyOnce)
            for qos in [QoS.atLeastOnce, .exactlyOnce] {
                // The server takes it, and its answer is lost.
                try await proxy.cut(after: 1, of: .serverToClient)
                #expect(try await client.publish("\(qos)", to: topic, qos: qos).reason == .success)
            }
            try await client.publish("end", to: topic, qos: .exactlyOnce)
            let texts = try await messages.take(until: "end").map(\.text)
            #expect(texts.filter { $0 == "exactlyOnce" }.count == 1)
            #expect(texts.contains("atLeastOnce"))
        }
    }

    @Test func `disconnecting ends what is under way, and says what is known`() async throws {
        let narrow: @Sendable (inout MQTT5Client.Configuration) -> Void = { $0.inFlightWindow = 1 }
        try await self.withProxied(narrow) { client, proxy in
            try await proxy.blackHole()
            let sent = try client.enqueue("sent", to: self.topic)
            let queued = try client.enqueue("queued", to: self.topic)
            await client.disconnect()
            try await failure(.outcomeUnknown) { try await sent.outcome() }
            try await failure(.clientClosed) { try await queued.outcome() }
            try await failure(.notConnected) { try await client.publish("later", to: self.topic, qos: .atLeastOnce) }
        }
    }
}
