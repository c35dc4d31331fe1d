// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

/// What a client sends under topic aliases.
@Suite struct AliasedFrameTests {
    private static func frame(
        _ topic: String,
        _ qos: QoS = .atMostOnce,
        payload: ByteBuffer = ByteBuffer(),
        properties: Properties = []
    ) throws -> PublishFrame {
        let message = OutgoingMessage(topic: topic, payload: payload, qos: qos, retain: true, properties: properties)
        return try PublishFrame(message, version: .v5)
    }

    private static func aliases(_ maximum: UInt16, limit: UInt16?, packet: Int = 268_435_460) -> OutboundAliases {
        var aliases = OutboundAliases()
        aliases.begin(maximum: maximum, automaticLimit: limit, maximumPacketSize: packet)
        return aliases
    }

    @Test(.sends("5:MQTT-3.3.2-8"), arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `a packet with an alias is what the general encoder makes of it, and as long as foretold`(qos: QoS) throws {
        let many = Properties((0..<30).map { .userProperty(name: "n\($0)", value: "value") })
        // 125 to 127 bytes of properties: with the alias their length takes another byte.
        let sets: [Properties] =
            [[], [.contentType("x")], many]
            + (120...125).map {
                [.contentType(String(repeating: "c", count: $0))]
            }
        let topics = ["t", "four", "a/ü/\u{1F600}", String(repeating: "x", count: 300)]
        for topic in topics {
            for properties in sets {
                for size in [0, 1, 100, 117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 16_380, 20_000] {
                    let payload = ByteBuffer(repeating: 9, count: size)
                    let frame = try Self.frame(topic, qos, payload: payload, properties: properties)
                    for alias in [TopicAlias(1, isKnown: false), TopicAlias(65_535, isKnown: true)] {
                        try self.check(frame, alias)
                    }
                }
            }
        }
    }

    private func check(_ frame: PublishFrame, _ alias: TopicAlias) throws {
        let message = frame.message
        let packetID = message.qos == .atMostOnce ? nil : id(300)
        let packet = Publish(
            topic: alias.isKnown ? "" : message.topic,
            payload: message.payload,
            qos: message.qos,
            retain: true,
            packetID: packetID,
            properties: Properties([.topicAlias(alias.number)] + message.properties)
        )
        let wanted = try encode(.publish(packet), .v5)
        var whole = ByteBuffer()
        frame.write(alias, packetID: packetID, withPayload: true, into: &whole)
        var parts = ByteBuffer()
        frame.write(alias, packetID: packetID, withPayload: false, into: &parts)
        parts.writeImmutableBuffer(message.payload)
        #expect(whole == wanted)
        #expect(parts == wanted)
        #expect(frame.size(with: alias) == wanted.readableBytes)
    }

    @Test(.sends("5:MQTT-3.3.2-7")) func `what a message asks for is no property of what is kept and sent again`()
        throws
    {
        let frame = try Self.frame("t", .atLeastOnce, properties: [.contentType("x"), .topicAlias(3)])
        #expect(frame.requestedAlias == 3)
        #expect(frame.message.properties == [.contentType("x")])
        #expect(try frame.size == Self.frame("t", .atLeastOnce, properties: [.contentType("x")]).size)
        #expect(try Self.frame("t").requestedAlias == 0)
    }

    @Test func `the first message of a topic brings name and alias, the next ones the alias`() throws {
        var aliases = Self.aliases(3, limit: 3)
        let a = try Self.frame("topic/a")
        let b = try Self.frame("topic/b")
        #expect(aliases.alias(for: a) == TopicAlias(1, isKnown: false))
        #expect(aliases.alias(for: a) == TopicAlias(1, isKnown: true))
        #expect(aliases.alias(for: b) == TopicAlias(2, isKnown: false))
        #expect(aliases.alias(for: a) == TopicAlias(1, isKnown: true))
        #expect(aliases.alias(for: b) == TopicAlias(2, isKnown: true))
        aliases.end()
        #expect(!aliases.isAutomatic)
        #expect(aliases.alias(for: a) == nil)
        aliases.begin(maximum: 3, automaticLimit: 3, maximumPacketSize: 100)
        #expect(aliases.alias(for: b) == TopicAlias(1, isKnown: false))
    }

    @Test func `topics are compared by their bytes`() throws {
        var aliases = Self.aliases(3, limit: 3)
        #expect(try aliases.alias(for: Self.frame("topic/é")) == TopicAlias(1, isKnown: false))
        #expect(try aliases.alias(for: Self.frame("topic/e\u{301}")) == TopicAlias(2, isKnown: false))
        #expect(try aliases.alias(for: Self.frame("topic/é")) == TopicAlias(1, isKnown: true))
    }

    @Test(arguments: [(0, 5), (5, 0), (1, 9), (9, 1), (3, 3), (65_535, 40), (40, 65_535)] as [(UInt16, UInt16)])
    func `never more aliases than the server takes and the limit says`(maximum: UInt16, limit: UInt16) throws {
        var aliases = Self.aliases(maximum, limit: limit)
        let most = Int(min(maximum, limit))
        #expect(aliases.isAutomatic == (most > 0))
        var numbers: Set<UInt16> = []
        for index in 0..<100 {
            if let alias = try aliases.alias(for: Self.frame("topic/\(index)")) { numbers.insert(alias.number) }
        }
        #expect(numbers == Set((0..<min(most, 100)).map { UInt16($0 + 1) }))
    }

    /// Says of every message whether the server knows the topic, by an array in the order of use.
    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `the topic used least recently gives its alias up`(seed: UInt64) throws {
        var random = MutationTests.Generator(state: seed)
        let limit = [1, 2, 3, 17, 100, 1_000].randomElement(using: &random) ?? 1
        var aliases = Self.aliases(.max, limit: UInt16(limit))
        var recent: [(topic: String, number: UInt16)] = []
        for _ in 0..<20_000 {
            let topic = "topic/\(Int.random(in: 0..<limit + limit / 2 + 2, using: &random))"
            let alias = try aliases.alias(for: Self.frame(topic))
            let wanted: TopicAlias
            if let place = recent.lastIndex(where: { $0.topic == topic }) {
                let known = recent.remove(at: place)
                recent.append(known)
                wanted = TopicAlias(known.number, isKnown: true)
            } else {
                let number = recent.count < limit ? UInt16(recent.count + 1) : recent.removeFirst().number
                recent.append((topic, number))
                wanted = TopicAlias(number, isKnown: false)
            }
            guard alias == wanted else {
                #expect(alias == wanted)
                return
            }
        }
    }

    @Test func `a topic that would not gain goes by its name`() throws {
        var aliases = Self.aliases(9, limit: 9)
        for topic in ["t", "tt", "ttt", "é"] { #expect(try aliases.alias(for: Self.frame(topic)) == nil) }
        #expect(try aliases.alias(for: Self.frame("tttt")) == TopicAlias(1, isKnown: false))
    }

    @Test(.sends("5:MQTT-3.2.2-15")) func `an alias never makes a packet larger than the server takes`() throws {
        for properties in [[], [.contentType(String(repeating: "c", count: 122))]] as [Properties] {
            let frame = try Self.frame("topic", properties: properties)
            let full = frame.size(with: TopicAlias(1, isKnown: false))
            #expect(full > frame.size)
            var tight = Self.aliases(1, limit: 1, packet: full - 1)
            #expect(tight.alias(for: frame) == nil)
            #expect(tight.alias(for: frame) == nil, "what was not sent with it is not known by it")
            var exact = Self.aliases(1, limit: 1, packet: full)
            #expect(exact.alias(for: frame) == TopicAlias(1, isKnown: false))
            #expect(frame.size(with: TopicAlias(1, isKnown: true)) <= frame.size)
        }
    }

    @Test func `an alias that is asked for stands for the topic of the message that asked last`() throws {
        var aliases = Self.aliases(9, limit: nil)
        #expect(!aliases.isAutomatic)
        let a = try Self.frame("a", properties: [.topicAlias(9)])
        let b = try Self.frame("b", properties: [.topicAlias(9)])
        #expect(aliases.alias(for: a) == TopicAlias(9, isKnown: false))
        #expect(aliases.alias(for: a) == TopicAlias(9, isKnown: true))
        #expect(aliases.alias(for: b) == TopicAlias(9, isKnown: false))
        #expect(aliases.alias(for: a) == TopicAlias(9, isKnown: false))
        #expect(try aliases.alias(for: Self.frame("a", properties: [.topicAlias(10)])) == nil)
        aliases.end()
        #expect(aliases.alias(for: a) == nil)
    }
}
