// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import Testing

/// What a message loop may do, and what happens when it is slow.
@Suite(.timeLimit(.minutes(10))) struct FlowTests {
    @Test(arguments: TestedVersion.allCases)
    func `a handler that publishes goes on while its full subscription is flooded`(
        version: TestedVersion
    ) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let topic = unique("flood")
                try await MQTTClient<V>.connected(server.port) { flooder in
                    try await MQTTClient<V>.connected(server.port) { client in
                        let settings = SubscriptionSettings(bufferSize: 4, bufferPolicy: .suspend)
                        let messages = try await client.subscribe(to: topic, qos: .atMostOnce, settings: settings)
                        let flood = Task {
                            while !Task.isCancelled {
                                for _ in 0..<500 { try await flooder.publish("drop in the flood", to: topic) }
                                // Faster than the broker would only be a strain on the other tests.
                                try await flooder.ping()
                            }
                        }
                        var handled = 0
                        while handled < 200, let message = try await messages.next() {
                            try await client.publish(message.payload, to: "\(topic)/answers", qos: .atLeastOnce)
                            handled += 1
                        }
                        #expect(handled == 200)
                        // And everything else that waits for the server.
                        try await client.ping()
                        try await client.publish("twice", to: "\(topic)/answers", qos: .exactlyOnce)
                        flood.cancel()
                        _ = await flood.result
                        await messages.unsubscribe()
                    }
                }
            }
        }
        try await run(version.type)
    }

    @Test(arguments: TestedVersion.allCases)
    func `a loop may publish, subscribe, unsubscribe and disconnect`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let server = try await SharedBroker.server
                let topic = unique("inside")
                let client = MQTTClient<V>.local(server.port)
                try await client.connect()
                var texts: [String?] = []
                try await client.subscribe(to: topic, qos: .atLeastOnce) { messages in
                    try await client.publish("first", to: topic, qos: .atLeastOnce)
                    for try await message in messages {
                        texts.append(message.text)
                        guard message.text == "first" else { break }
                        try await client.subscribe(to: "\(topic)/inner", qos: .exactlyOnce) { inner in
                            try await client.publish("inner", to: "\(topic)/inner", qos: .exactlyOnce)
                            texts.append(try await inner.next()?.text)
                        }
                        try await client.publish("last", to: topic, qos: .exactlyOnce)
                    }
                    try await client.publish("bye", to: topic, qos: .atLeastOnce)
                    for try await message in messages {
                        texts.append(message.text)
                        // From inside the loop, which this ends.
                        await client.disconnect()
                    }
                }
                #expect(texts == ["first", "inner", "last", "bye"])
            }
        }
        try await run(version.type)
    }

    @Test func `a full buffer drops the oldest, drops the newest, or fails, as asked`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let topic = unique("full")
            try await MQTT5Client.connected(server.port) { client in
                var events = client.events.makeAsyncIterator()
                func subscribe(_ policy: BufferPolicy) async throws -> MQTTSubscription {
                    let settings = SubscriptionSettings(bufferSize: 3, bufferPolicy: policy)
                    return try await client.subscribe(to: topic, qos: .atLeastOnce, settings: settings)
                }
                let oldest = try await subscribe(.dropOldest)
                let newest = try await subscribe(.dropNewest)
                let fails = try await subscribe(.fail)
                for number in 0..<10 { try await client.publish(number, to: topic, qos: .atLeastOnce) }
                // The answer comes behind the messages.
                try await client.ping()
                #expect(try await oldest.take(3).map(\.text) == ["7", "8", "9"])
                #expect(try await newest.take(3).map(\.text) == ["0", "1", "2"])
                #expect(try await fails.take(3).map(\.text) == ["0", "1", "2"])
                try await failure(.bufferOverflow) { _ = try await fails.next() }
                var dropped = 0
                try await wait(for: "14 dropped messages", in: &events) { event in
                    if case .messagesDropped(let count, topic) = event { dropped += count }
                    return dropped == 14
                }
                // The others go on.
                try await client.publish("on", to: topic, qos: .atLeastOnce)
                #expect(try await oldest.take(1)[0].text == "on")
                #expect(try await newest.take(1)[0].text == "on")
            }
        }
    }

    @Test func `batches take what has come`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let topic = unique("batches")
            try await MQTT311Client.connected(server.port) { client in
                let messages = try await client.subscribe(to: topic, qos: .exactlyOnce)
                let count = try await client.publish(
                    contentsOf: (0..<1_000).map {
                        OutgoingMessage(topic: topic, payload: "\($0)".mqttPayload, qos: .exactlyOnce)
                    }
                )
                #expect(count == 1_000)
                var texts: [String?] = []
                var batches = 0
                for try await batch in messages.batches {
                    #expect(!batch.isEmpty)
                    batches += 1
                    texts += batch.map(\.text)
                    if texts.count == 1_000 { break }
                }
                #expect(texts == (0..<1_000).map { "\($0)" })
                #expect(batches < 1_000)
            }
        }
    }

    @Test func `leaving a loop and starting another loses nothing`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let topic = unique("loops")
            try await MQTT5Client.connected(server.port) { client in
                try await client.subscribe(to: topic, qos: .atLeastOnce) { messages in
                    for number in 0..<30 { try client.enqueue(number, to: topic) }
                    var texts: [String?] = []
                    while texts.count < 30 {
                        var inThisLoop = 0
                        for try await message in messages {
                            texts.append(message.text)
                            inThisLoop += 1
                            if inThisLoop == 7 || texts.count == 30 { break }
                        }
                    }
                    #expect(texts == (0..<30).map { "\($0)" })
                }
            }
        }
    }

    @Test func `a second consumer is turned away, and the first goes on`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let topic = unique("busy")
            try await MQTT5Client.connected(server.port) { client in
                let messages = try await client.subscribe(to: topic, qos: .atLeastOnce)
                // Whoever of the two waits first gets the message, and the other the error at once.
                let outcomes = try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<2 {
                        group.addTask {
                            do throws(MQTTError) {
                                return try await messages.next()?.text ?? "ended"
                            } catch {
                                return error.code.description
                            }
                        }
                    }
                    var outcomes = [try await group.next()]
                    try await client.publish("for the first", to: topic, qos: .atLeastOnce)
                    outcomes.append(try await group.next())
                    return outcomes
                }
                #expect(outcomes == ["alreadyIterating", "for the first"])
            }
        }
    }
}
