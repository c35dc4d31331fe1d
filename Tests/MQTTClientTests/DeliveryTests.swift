// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

@testable import MQTT

/// The way of messages from one burst to their subscriptions, and what they are afterwards.
@Suite(.timeLimit(.minutes(10)))
struct DeliveryTests {
    private typealias Virtual = VirtualClient<V5>

    private static func connected(
        _ configure: (inout MQTT5Client.Configuration) -> Void = { _ in }
    ) async throws
        -> Virtual
    {
        try await Virtual.connected(in: VirtualWorld(version: .v5), configure)
    }

    private static func publish(_ topic: String, _ text: String, id: Int? = nil) -> Packet {
        let id = id.map { PacketID.first.advanced(by: $0) }
        let qos = id == nil ? QoS.atMostOnce : .atLeastOnce
        return .publish(Publish(topic: topic, payload: ByteBuffer(string: text), qos: qos, packetID: id))
    }

    @Test func `a message that several subscriptions match goes to each once, and is acknowledged when all have it`()
        async throws
    {
        let virtual = try await Self.connected()
        let exact = try await virtual.subscribe(to: "a/b", "a/#", qos: .atLeastOnce)
        let level = try await virtual.subscribe(to: "a/+", qos: .atLeastOnce)
        let all = try await virtual.subscribe(to: "#", qos: .atLeastOnce)
        let other = try await virtual.subscribe(to: "a/c", qos: .atLeastOnce)
        try await virtual.peer.send(
            Self.publish("a/b", "1", id: 0),
            Self.publish("a/c", "2", id: 1),
            Self.publish("b", "3", id: 2)
        )
        #expect(try await exact.next()?.text == "1")
        #expect(try await exact.next()?.text == "2")
        #expect(try await level.next()?.text == "1")
        #expect(try await level.next()?.text == "2")
        let others = try await other.next()
        #expect(others?.text == "2")
        // Nothing is acknowledged before the last subscription has taken the first message.
        try await virtual.client.eventLoop.submit {}.get()
        #expect(try await virtual.peer.channel.readOutbound(as: ByteBuffer.self) == nil)
        for number in 0..<3 {
            #expect(try await all.next()?.text == "\(number + 1)")
            try await virtual.peer.expect(.pubAck(Acknowledgement(packetID: PacketID.first.advanced(by: number))))
        }
    }

    @Test(.receives("5:MQTT-4.6.0-5", "5:MQTT-4.6.0-6"), arguments: 1...4 as ClosedRange<UInt64>)
    func `messages of one burst that go to many subscriptions by turns arrive in order`(seed: UInt64) async throws {
        var random = SeededGenerator(state: seed)
        let virtual = try await Self.connected()
        var subscriptions: [MQTTSubscription] = []
        for number in 0..<6 {
            let filters = number == 5 ? ["s/#"] : ["s/\(number)", "s/\(number)/+"]
            let qos: QoS = .atLeastOnce
            subscriptions.append(try await virtual.subscribe(to: filters, qos: qos))
        }
        var expected = [[String]](repeating: [], count: 6)
        var text = 0
        var ids = 0
        for _ in 0..<5 {
            var burst: [Packet] = []
            for _ in 0..<300 {
                let number = Int.random(in: 0..<5, using: &random)
                let topic = Bool.random(using: &random) ? "s/\(number)" : "s/\(number)/\(text)"
                let hasID = Bool.random(using: &random)
                burst.append(Self.publish(topic, "\(topic) \(text)", id: hasID ? ids : nil))
                if hasID { ids += 1 }
                expected[number].append("\(topic) \(text)")
                expected[5].append("\(topic) \(text)")
                text += 1
            }
            try await virtual.peer.send(burst)
        }
        for (number, subscription) in subscriptions.enumerated() {
            var came: [String] = []
            while came.count < expected[number].count {
                let message = try #require(try await subscription.next())
                came.append(try #require(message.text))
                #expect(message.text?.hasPrefix(message.topic + " ") == true)
                #expect(message.filter.matches(message.topic))
            }
            #expect(came == expected[number])
        }
        for id in 0..<ids {
            try await virtual.peer.expect(.pubAck(Acknowledgement(packetID: PacketID.first.advanced(by: id))))
        }
    }

    @Test(
        .receives(
            "5:MQTT-3.3.1-3",
            "5:MQTT-3.3.2-4",
            "5:MQTT-3.3.2-15",
            "5:MQTT-3.3.2-16",
            "5:MQTT-3.3.2-17",
            "5:MQTT-3.3.2-18",
            "5:MQTT-3.3.2-20"
        )
    ) func `a message says what its packet says`() async throws {
        let virtual = try await Self.connected()
        let messages = try await virtual.subscribe(to: "home/+/temperature", "home/#", qos: .exactlyOnce)
        let properties: Properties = [
            .payloadFormatIndicator(.utf8), .messageExpiryInterval(60), .contentType("text/plain"),
            .responseTopic("answers/é"), .correlationData(ByteBuffer(bytes: [0, 255])),
            .userProperty(name: "a", value: "1"), .userProperty(name: "a", value: "2"),
        ]
        var first = Publish(
            topic: "home/küche/temperature",
            payload: ByteBuffer(string: "21 °C"),
            qos: .exactlyOnce,
            retain: true,
            packetID: .first,
            properties: properties
        )
        first.duplicate = true
        let second = Publish(topic: "home/a/b", payload: ByteBuffer(bytes: [0xFF]), qos: .atMostOnce)
        try await virtual.peer.send(.publish(second), .publish(first), .publish(second))

        let batch = try #require(try await messages.batches.makeAsyncIterator().firstBatch())
        try #require(batch.count == 3)
        let message = batch[1]
        #expect(message.topic == "home/küche/temperature")
        #expect(message.payload == ByteBuffer(string: "21 °C"))
        #expect(message.text == "21 °C")
        #expect(message.qos == .exactlyOnce)
        #expect(message.retain)
        #expect(message.isDuplicate)
        #expect(message.packetIdentifier == 1)
        #expect(message.properties == properties)
        #expect(message.properties == properties)
        // Which of the two filters is not promised; the captures are those of the one it names.
        let isFirst = message.filter == batch[1].run.source(at: batch[1].index).filters[0]
        #expect(message.captures == (isFirst ? ["küche"] : ["küche/temperature"]))
        #expect(message.description == "home/küche/temperature (QoS 2, 6 bytes)")
        for plain in [batch[0], batch[2]] {
            #expect(plain.topic == "home/a/b")
            #expect(plain.text == nil)
            #expect(plain.payload == ByteBuffer(bytes: [0xFF]))
            #expect(plain.qos == .atMostOnce)
            #expect(!plain.retain && !plain.isDuplicate)
            #expect(plain.packetIdentifier == nil)
            #expect(plain.properties == Properties())
            #expect(plain.captures == ["a/b"])
        }
        try await virtual.peer.expect(.pubRec(Acknowledgement(packetID: .first)))
    }

    @Test func `a message that is kept stays readable after its subscription and its client are gone`() async throws {
        let properties: Properties = [.contentType("c"), .userProperty(name: "n", value: "v")]
        let kept: MQTTMessage
        do {
            let virtual = try await Self.connected()
            let settings = SubscriptionSettings(acknowledgement: .manual)
            let messages = try await virtual.subscribe(to: "k/+", qos: .atLeastOnce, settings: settings)
            let publish = Publish(
                topic: "k/1",
                payload: ByteBuffer(string: "kept"),
                qos: .atLeastOnce,
                packetID: .first,
                properties: properties
            )
            try await virtual.peer.send(.publish(publish), Self.publish("k/2", "2"))
            kept = try #require(try await messages.next())
            async let gone: Void = virtual.client.disconnect()
            _ = try await virtual.peer.next()
            await gone
        }
        #expect(kept.topic == "k/1")
        #expect(kept.text == "kept")
        #expect(kept.properties == properties)
        #expect(kept.captures == ["1"])
        #expect(kept.packetIdentifier == 1)
        kept.acknowledge()
        kept.acknowledge()
        #expect(kept.text == "kept")
    }

    @Test(arguments: [BufferPolicy.suspend, .dropOldest, .fail])
    func `messages nobody took do not keep their subscription in memory`(policy: BufferPolicy) async throws {
        let virtual = try await Self.connected()
        weak var core: SubscriptionCore?
        do {
            let settings = SubscriptionSettings(bufferSize: 2, bufferPolicy: policy)
            let messages = try await virtual.subscribe(to: "m", qos: .atLeastOnce, settings: settings)
            core = messages.core
            try await virtual.peer.send((0..<5).map { (id: Int) in Self.publish("m", "\(id)", id: id) })
        }
        // UNSUBSCRIBE and the acknowledgements: then the event loop has let go, too.
        for _ in 0..<6 { _ = try await virtual.peer.next() }
        try await virtual.client.eventLoop.submit {}.get()
        #expect(core == nil)
    }

    @Test func `a subscription without messages waits, and a burst wakes it once`() async throws {
        let virtual = try await Self.connected()
        let messages = try await virtual.subscribe(to: "w")
        async let first = messages.next()
        try await virtual.peer.send(Self.publish("w", "1"), Self.publish("w", "2"))
        #expect(try await first?.text == "1")
        #expect(try await messages.next()?.text == "2")
    }
}

extension MQTTBatches.Iterator {
    /// The next batch of an iterator that is used once.
    fileprivate consuming func firstBatch() async throws -> [MQTTMessage]? {
        var iterator = self
        return try await iterator.next()
    }
}
