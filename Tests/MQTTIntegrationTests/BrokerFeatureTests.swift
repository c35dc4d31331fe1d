// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import NIOCore
import Testing

/// What MQTT 5.0 has and Mosquitto does: limits, wills, expiry, options of subscriptions.
@Suite(.timeLimit(.minutes(5))) struct BrokerFeatureTests {
    /// Returns when the broker's clock has gone on by so many seconds: it then publishes the will of a client that died.
    private static func passTime(_ server: MosquittoServer, seconds: UInt32) async throws {
        let topic = unique("clock")
        try await MQTT5Client.connected(server.port) { watcher in
            let wills = try await watcher.subscribe(to: topic)
            try await CuttingProxy.withProxy(to: server.port) { proxy in
                try await Self.die(proxy, topic: topic, delay: seconds)
            }
            #expect(try await wills.take(1)[0].text == "died")
        }
    }

    /// Connects a client with a delayed will, and cuts it off for good.
    private static func die(_ proxy: CuttingProxy, topic: String, delay: UInt32) async throws {
        let client = MQTT5Client.local(proxy.port, keepsSession: true) { configuration in
            configuration.will = Will(topic: topic, payload: ByteBuffer(string: "died"))
            configuration.willProperties = [.willDelayInterval(delay)]
            configuration.reconnect = .never
        }
        try await client.connect()
        try await proxy.cut(reset: true)
        try await proxy.waitUntilUnused()
    }

    // MARK: - Limits

    @Test func `no more messages are in flight than the broker takes, and all arrive`() async throws {
        try await withDeadline {
            let options = MosquittoServer.Options(extraLines: ["max_inflight_messages 3"])
            try await MosquittoServer.withServer(options) { server in
                try await MQTT5Client.connected(server.port) { client in
                    guard case .connected(let info) = client.state else { throw DeadlineMissed(description: "lost") }
                    #expect(info.limits.receiveMaximum == 3)
                    let messages = try await client.subscribe(to: "t", qos: .exactlyOnce)
                    let count = try await client.publish(
                        contentsOf: (0..<100).map { number in
                            let qos: QoS = number.isMultiple(of: 2) ? .atLeastOnce : .exactlyOnce
                            return OutgoingMessage(topic: "t", payload: "\(number)".mqttPayload, qos: qos)
                        }
                    )
                    #expect(count == 100)
                    #expect(Set(try await messages.take(100).map(\.text)) == Set((0..<100).map { "\($0)" }))
                }
            }
        }
    }

    @Test func `a packet larger than the broker takes is refused here, and the connection stands`() async throws {
        try await withDeadline {
            let options = MosquittoServer.Options(extraLines: ["max_packet_size 400"])
            try await MosquittoServer.withServer(options) { server in
                try await MQTT5Client.connected(server.port) { client in
                    guard case .connected(let info) = client.state else { throw DeadlineMissed(description: "lost") }
                    #expect(info.limits.maximumPacketSize == 400)
                    let messages = try await client.subscribe(to: "t", qos: .atLeastOnce)
                    let large = ByteBuffer(repeating: 0x78, count: 400)
                    try await failure(.packetTooLarge) { try await client.publish(large, to: "t", qos: .atLeastOnce) }
                    // Two bytes of fixed header, three each of topic and its length, identifier and property length.
                    let size = 400 - 3 - 3 - 2 - 1
                    let largest = ByteBuffer(repeating: 0x78, count: size)
                    try await client.publish(largest, to: "t", qos: .atLeastOnce)
                    #expect(try await messages.take(1)[0].payload.readableBytes == size)
                    let oneMore = ByteBuffer(repeating: 0x78, count: size + 1)
                    try await failure(.packetTooLarge) { try await client.publish(oneMore, to: "t", qos: .atLeastOnce) }
                }
            }
        }
    }

    // MARK: - Time

    @Test func `a delayed will comes when its time is over, and not when the client was back before`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let (spared, late) = (unique("will"), unique("will"))
            try await MQTT5Client.connected(server.port) { watcher in
                let wills = try await watcher.subscribe(to: spared, late, qos: .atLeastOnce)
                try await CuttingProxy.withProxy(to: server.port) { proxy in
                    let returning = MQTT5Client.local(proxy.port, keepsSession: true) { configuration in
                        configuration.will = Will(topic: spared, payload: ByteBuffer(string: "spared"))
                        configuration.willProperties = [.willDelayInterval(1)]
                    }
                    try await returning.connect()
                    var events = returning.events.makeAsyncIterator()
                    try await proxy.cut(reset: true)
                    try await wait(for: "the way back", in: &events) { $0.isConnected }
                    try await CuttingProxy.withProxy(to: server.port) { other in
                        try await Self.die(other, topic: late, delay: 3)
                    }
                    #expect(try await wills.take(1)[0].topic == late)
                    await returning.disconnect()
                }
            }
        }
    }

    @Test func `a message that waits at the broker expires there, or comes with what is left`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let topic = unique("expiry")
            let name = unique("c")
            try await MQTT5Client.connected(server.port, clientID: name, keepsSession: true) { client in
                let subscription = try await client.subscribe(to: topic, qos: .atLeastOnce)
                await client.disconnect()
                #expect(subscription.reasons == [.grantedQoS1])
            }
            try await MQTT5Client.connected(server.port) { publisher in
                for (text, seconds) in [("short", 1), ("long", 100)] as [(String, UInt32)] {
                    let properties: Properties = [.messageExpiryInterval(seconds)]
                    try await publisher.publish(text, to: topic, qos: .atLeastOnce, properties: properties)
                }
            }
            try await Self.passTime(server, seconds: 3)
            let client = MQTT5Client.local(server.port, clientID: name, keepsSession: true)
            let messages = try client.declareSubscription(to: topic, qos: .atLeastOnce)
            #expect(try await client.connect().sessionPresent)
            let message = try await messages.take(1)[0]
            #expect(message.text == "long")
            #expect((1...98).contains(try #require(message.properties.messageExpiryInterval)))
            await client.disconnect()
        }
    }

    @Test func `DISCONNECT may change how long the session is kept`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let name = unique("c")
            for (expiry, isKept) in [(nil, true), (0, false), (600, true)] as [(UInt32?, Bool)] {
                let first = MQTT5Client.local(server.port, clientID: name, keepsSession: true)
                try await first.connect()
                let properties: Properties = expiry.map { [.sessionExpiryInterval($0)] } ?? []
                try await first.disconnect(reason: .normalDisconnection, properties: properties)
                let second = MQTT5Client.local(server.port, clientID: name, keepsSession: true)
                #expect(try await second.connect().sessionPresent == isKept)
                try await second.disconnect(reason: .normalDisconnection, properties: [.sessionExpiryInterval(0)])
            }
        }
    }

    // MARK: - Options of subscriptions

    @Test func `no local leaves out what the client publishes itself`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let topic = unique("local")
            try await MQTT5Client.connected(server.port) { client in
                try await MQTT5Client.connected(server.port) { other in
                    let messages = try await client.subscribe(to: topic, options: SubscribeOptions(noLocal: true))
                    try await client.publish("own", to: topic, qos: .atLeastOnce)
                    try await other.publish("other", to: topic, qos: .atLeastOnce)
                    #expect(try await messages.take(1)[0].text == "other")
                }
            }
        }
    }

    @Test(arguments: [RetainHandling.sendAlways, .sendIfNew, .doNotSend])
    func `retained messages come as retain handling says`(handling: RetainHandling) async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let topic = unique("retained")
            let name = unique("c")
            try await MQTT5Client.connected(server.port) { other in
                try await other.publish("kept", to: topic, qos: .atLeastOnce, retain: true)
                var came: [[String?]] = []
                // The second time the subscription is there already, in the session.
                for _ in 0..<2 {
                    try await MQTT5Client.connected(server.port, clientID: name, keepsSession: true) { client in
                        let options = SubscribeOptions(retainHandling: handling)
                        let messages = try await client.subscribe(to: topic, qos: .atLeastOnce, options: options)
                        try await other.publish("end", to: topic, qos: .atLeastOnce)
                        came.append(try await messages.take(until: "end").map(\.text))
                        await client.disconnect()
                        #expect(messages.reasons == [.grantedQoS1])
                    }
                }
                try await other.publish(to: topic, qos: .atLeastOnce, retain: true)
                switch handling {
                case .sendAlways: #expect(came == [["kept"], ["kept"]])
                case .sendIfNew: #expect(came == [["kept"], []])
                default: #expect(came == [[], []])
                }
            }
        }
    }

    @Test(arguments: [true, false])
    func `retain as published keeps the flag`(isKept: Bool) async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let topic = unique("flag")
            try await MQTT5Client.connected(server.port) { client in
                let messages = try await client.subscribe(to: topic, options: .init(retainAsPublished: isKept))
                try await client.publish("1", to: topic, qos: .atLeastOnce, retain: true)
                try await client.publish(to: topic, qos: .atLeastOnce, retain: true)
                #expect(try await messages.take(1)[0].retain == isKept)
            }
        }
    }

    @Test func `the members of a share get each message once between them`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let topic = unique("shared")
            try await MQTT5Client.connected(server.port) { first in
                try await MQTT5Client.connected(server.port) { second in
                    let filter = "$share/g/\(topic)"
                    let left = try await first.subscribe(to: filter, qos: .atLeastOnce)
                    let right = try await second.subscribe(to: filter, qos: .atLeastOnce)
                    let total = 20
                    let came = AsyncStream.makeStream(of: String.self)
                    let tasks = [left, right].map { messages in
                        Task {
                            for try await message in messages { came.continuation.yield(message.text ?? "") }
                        }
                    }
                    for number in 0..<total { try await first.publish(number, to: topic, qos: .atLeastOnce) }
                    var texts: [String] = []
                    for await text in came.stream {
                        texts.append(text)
                        if texts.count == total { break }
                    }
                    #expect(texts.sorted() == (0..<total).map { "\($0)" }.sorted())
                    for task in tasks { task.cancel() }
                }
            }
        }
    }

    @Test func `messages carry the identifier of their subscription`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let topic = unique("numbered")
            try await MQTT5Client.connected(server.port) { client in
                let options = SubscribeOptions(subscriptionIdentifier: 268_435_455)
                let messages = try await client.subscribe(to: topic, options: options)
                try await client.publish("x", to: topic, qos: .atLeastOnce)
                #expect(try await messages.take(1)[0].properties.subscriptionIdentifiers == [268_435_455])
            }
        }
    }
}
