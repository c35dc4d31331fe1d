// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MQTTWire
import NIOCore
import Testing

/// Topic aliases of a whole client, both ways.
@Suite(.timeLimit(.minutes(10)))
struct TopicAliasClientTests {
    private static func automatic(_ limit: UInt16 = 256) -> (inout MQTT5Client.Configuration) -> Void {
        { $0.outboundTopicAliases = .automatic(limit: limit) }
    }

    private static func code(_ body: () throws -> Void) -> MQTTError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? MQTTError)?.code
        }
    }

    // MARK: - What the server sends

    @Test(.sends("U5-3.1.2.11.5-1"), arguments: [nil, 0, 1, 65_535] as [UInt16?])
    func `CONNECT says how many aliases the server may use, once`(maximum: UInt16?) async throws {
        let world = VirtualWorld(version: .v5)
        var configuration = MQTT5Client.Configuration()
        if let maximum { configuration.topicAliasMaximum = maximum }
        let client = MQTT5Client(configuration: configuration, world: world, eventLoop: world.eventLoop)
        async let connected = client.connect()
        let connect = try await world.accept().acceptConnect()
        _ = try await connected
        let said = connect.properties.compactMap { property -> UInt16? in
            if case .topicAliasMaximum(let value) = property { value } else { nil }
        }
        #expect(said == (maximum == 0 ? [] : [maximum ?? 64]))
    }

    @Test(.receives("5:MQTT-3.3.2-10", "U5-3.3.2.3.4-1"))
    func `messages with an alias come with their topic, to the subscriptions it matches`() async throws {
        let world = VirtualWorld(version: .v5)
        let virtual = try await VirtualClient<V5>.connected(in: world)
        let some = try await virtual.subscribe(to: "a/+", qos: .exactlyOnce)
        let other = try await virtual.subscribe(to: "b", qos: .exactlyOnce)
        try await virtual.peer.send(
            .publish(Publish(topic: "a/1", properties: [.topicAlias(64)])),
            .publish(Publish(topic: "", payload: ByteBuffer(string: "2"), properties: [.topicAlias(64)])),
            .publish(Publish(topic: "b", qos: .atLeastOnce, packetID: .first, properties: [.topicAlias(1)])),
            .publish(Publish(topic: "", qos: .atLeastOnce, packetID: .first.next, properties: [.topicAlias(64)])),
            .publish(Publish(topic: "a/2", properties: [.topicAlias(64)]))
        )
        try await virtual.peer.send(.publish(Publish(topic: "", properties: [.topicAlias(64)])))
        var topics: [String] = []
        for _ in 0..<5 {
            let message = try #require(try await some.next())
            topics.append(message.topic)
            #expect(message.properties.topicAlias == 64)
        }
        #expect(topics == ["a/1", "a/1", "a/1", "a/2", "a/2"])
        #expect(try await other.next()?.topic == "b")
    }

    @Test(
        .receives("U5-3.3.4-1", "U5-3.3.4-2", "5:MQTT-3.1.2-26", "5:MQTT-3.1.2-27"),
        arguments: [("", 1, 64, 0x82), ("", 65, 64, 0x94), ("t", 65, 64, 0x94), ("t", 1, 0, 0x94), ("", 1, 0, 0x94)]
            as [(String, UInt16, UInt16, UInt8)]
    )
    func `an alias that may not be used ends the connection with its reason`(
        topic: String,
        alias: UInt16,
        maximum: UInt16,
        reason: UInt8
    ) async throws {
        let connection = try await AliasConnection(taking: nil) { $0.topicAliasMaximum = maximum }
        try await connection.peer.send(.publish(Publish(topic: topic, properties: [.topicAlias(alias)])))
        try await connection.peer.expect(.disconnect(Disconnect(reason: ReasonCode(rawValue: reason))))
    }

    @Test(.receives("5:MQTT-3.3.2-7"))
    func `fault 17: the server's aliases end with their connection`() async throws {
        var connection = try await AliasConnection(taking: nil)
        let messages = try connection.client.declareSubscription(to: "t")
        guard case .subscribe(let subscribe) = try await connection.peer.next() else { throw UnexpectedPacket() }
        try await connection.peer.send(
            .subAck(SubAck(packetID: subscribe.packetID, reasons: [.success])),
            .publish(Publish(topic: "t", properties: [.topicAlias(1)]))
        )
        #expect(try await messages.next()?.topic == "t")
        try await connection.cut()
        try await connection.reconnect(taking: nil)
        try await connection.peer.send(.publish(Publish(topic: "", properties: [.topicAlias(1)])))
        try await connection.peer.expect(.disconnect(Disconnect(reason: .protocolError)))
    }

    // MARK: - What the client sends

    @Test(
        .sends("5:MQTT-3.2.2-17", "5:MQTT-3.2.2-18", "5:MQTT-3.3.2-9", "U5-3.3.4-1", "U5-3.3.2.3.4-1"),
        arguments: [nil, 0, 1, 2, 65_535] as [UInt16?]
    )
    func `no more aliases go out than the server takes`(maximum: UInt16?) async throws {
        let connection = try await AliasConnection(taking: maximum, [], Self.automatic())
        for topic in ["topic/a", "topic/a", "topic/b", "topic/a", "topic/c", "topic/b"] {
            try await connection.client.publish("x", to: topic)
        }
        let sent = try await connection.sent(6)
        switch maximum ?? 0 {
        case 0:
            #expect(sent.map(\.topic) == ["topic/a", "topic/a", "topic/b", "topic/a", "topic/c", "topic/b"])
            #expect(sent.allSatisfy { $0.alias == nil })
        case 1:
            #expect(
                sent == [
                    Named("topic/a", 1), Named("", 1), Named("topic/b", 1), Named("topic/a", 1), Named("topic/c", 1),
                    Named("topic/b", 1),
                ]
            )
        case 2:
            // The one used least recently gives way: b for c, then a for b.
            #expect(
                sent == [
                    Named("topic/a", 1), Named("", 1), Named("topic/b", 2), Named("", 1), Named("topic/c", 2),
                    Named("topic/b", 1),
                ]
            )
        default:
            #expect(
                sent == [
                    Named("topic/a", 1), Named("", 1), Named("topic/b", 2), Named("", 1), Named("topic/c", 3),
                    Named("", 2),
                ]
            )
        }
    }

    @Test func `without the setting nothing gets an alias`() async throws {
        let connection = try await AliasConnection(taking: 65_535)
        for _ in 0..<2 { try await connection.client.publish("x", to: "topic") }
        #expect(try await connection.sent(2) == [Named("topic"), Named("topic")])
    }

    @Test(.sends("5:MQTT-3.3.2-7"), arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `fault 17: what is sent again carries its topic, and aliases begin anew`(qos: QoS) async throws {
        var connection = try await AliasConnection(taking: 10, [], Self.automatic())
        let receipts = try (0..<2).map { _ in try connection.client.enqueue("x", to: "topic", qos: qos) }
        #expect(try await connection.sent(2) == [Named("topic", 1), Named("", 1)])
        try await connection.cut()
        try await connection.reconnect(taking: 10)
        var packetIDs: [PacketID] = []
        for _ in 0..<2 {
            let again = try await connection.publish()
            #expect(Named(again) == Named("topic"))
            #expect(again.duplicate)
            packetIDs.append(try #require(again.packetID))
        }
        _ = try connection.client.enqueue("x", to: "topic", qos: qos)
        _ = try connection.client.enqueue("x", to: "topic", qos: qos)
        #expect(try await connection.sent(2) == [Named("topic", 1), Named("", 1)])
        guard qos == .atLeastOnce else { return }
        for packetID in packetIDs { try await connection.peer.send(.pubAck(Acknowledgement(packetID: packetID))) }
        for receipt in receipts { try await receipt.outcome() }
    }

    @Test(.sends("5:MQTT-3.3.2-7"))
    func `what is published anew, as the server lost the session, names its topic first`() async throws {
        var connection = try await AliasConnection(taking: 10, [], Self.automatic())
        for _ in 0..<3 { _ = try connection.client.enqueue("x", to: "topic") }
        #expect(try await connection.sent(3) == [Named("topic", 1), Named("", 1), Named("", 1)])
        try await connection.cut()
        try await connection.reconnect(taking: 1, sessionPresent: false)
        #expect(try await connection.sent(3) == [Named("topic", 1), Named("", 1), Named("", 1)])
        try await connection.cut()
        try await connection.reconnect(taking: nil, sessionPresent: false)
        #expect(try await connection.sent(3) == [Named("topic"), Named("topic"), Named("topic")])
    }

    @Test func `messages that waited for the connection get aliases in their order`() async throws {
        var connection = try await AliasConnection(taking: 10, []) { configuration in
            configuration.outboundTopicAliases = .automatic()
            configuration.offline.publishAtMostOnce = .wait
        }
        try await connection.cut()
        for qos in [QoS.atLeastOnce, .atMostOnce, .exactlyOnce] {
            for topic in ["topic/a", "topic/b"] { _ = try connection.client.enqueue("x", to: topic, qos: qos) }
        }
        try await connection.reconnect(taking: 10)
        #expect(
            try await connection.sent(6) == [
                Named("topic/a", 1), Named("topic/b", 2), Named("", 1), Named("", 2), Named("", 1), Named("", 2),
            ]
        )
    }

    @Test(.sends("5:MQTT-3.2.2-15"), arguments: [-1, 0, 1])
    func `at the server's maximum packet size a message goes without an alias rather than not at all`(
        room: Int
    ) async throws {
        // 1 + 1 + (2 + 5) + 2 + 1 + payload; an alias with the name takes 3 more.
        let payload = ByteBuffer(repeating: 7, count: 30)
        let size = 1 + 1 + 2 + 5 + 2 + 1 + 30 + 3 + room
        let limits: Properties = [.maximumPacketSize(UInt32(size))]
        let connection = try await AliasConnection(taking: 5, limits, Self.automatic())
        for _ in 0..<2 { _ = try connection.client.enqueue(payload, to: "topic") }
        let wanted = room < 0 ? [Named("topic"), Named("topic")] : [Named("topic", 1), Named("", 1)]
        #expect(try await connection.sent(2) == wanted)
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce], [0, 16_383, 16_384, 200_000])
    func `a large payload follows its alias, in batches as well`(qos: QoS, size: Int) async throws {
        let connection = try await AliasConnection(taking: 5, [], Self.automatic())
        let client = connection.client
        let message = OutgoingMessage(topic: "topic", payload: ByteBuffer(repeating: 7, count: size), qos: qos)
        async let published = client.publish(contentsOf: [message, message, message])
        for place in 0..<3 {
            let publish = try await connection.publish()
            #expect(publish.payload == message.payload)
            #expect(Named(publish) == Named(place == 0 ? "topic" : "", 1))
            if let packetID = publish.packetID {
                try await connection.peer.send(.pubAck(Acknowledgement(packetID: packetID)))
            }
        }
        #expect(try await published == 3)
    }

    @Test(.sends("5:MQTT-3.3.2-7")) func `a store keeps topics, never aliases`() async throws {
        let store = InMemorySessionStore()
        let connection = try await AliasConnection(taking: 5, []) { $0.sessionStore = store }
        let client = connection.client
        let properties: Properties = [.topicAlias(5), .contentType("x")]
        for _ in 0..<2 { _ = try client.enqueue("x", to: "t", properties: properties) }
        #expect(try await connection.sent(2) == [Named("t", 5), Named("", 5)])
        let kept = await store.record(for: "aliases").outbound.map(\.message)
        #expect(kept.map { $0?.topic } == ["t", "t"])
        #expect(kept.map { $0?.properties } == [[.contentType("x")], [.contentType("x")]])
    }

    // MARK: - By hand

    @Test(.sends("5:MQTT-3.2.2-17", "5:MQTT-3.2.2-18", "5:MQTT-3.3.2-8", "5:MQTT-3.3.2-9"))
    func `an alias that a message asks for is used, or refused before anything is sent`() async throws {
        let connection = try await AliasConnection(taking: 7)
        let client = connection.client
        func publish(_ topic: String, _ alias: UInt16) throws {
            _ = try client.enqueue("x", to: topic, qos: .atMostOnce, properties: [.topicAlias(alias)])
        }
        for (topic, alias) in [("a", 7), ("a", 7), ("b", 7), ("a", 1), ("b", 7), ("a", 1)] as [(String, UInt16)] {
            try publish(topic, alias)
        }
        #expect(Self.code { try publish("a", 8) } == .notSupportedByServer)
        #expect(Self.code { try publish("a", .max) } == .notSupportedByServer)
        #expect(Self.code { try publish("a", 0) } == .invalidArgument)
        #expect(Self.code { try publish("", 7) } == .invalidTopic)
        try await client.publish("x", to: "a")
        #expect(
            try await connection.sent(7) == [
                Named("a", 7), Named("", 7), Named("b", 7), Named("a", 1), Named("", 7), Named("", 1), Named("a"),
            ]
        )
        let silent = try await AliasConnection(taking: nil)
        let refused = Self.code {
            _ = try silent.client.enqueue("x", to: "a", properties: [.topicAlias(1)])
        }
        #expect(refused == .notSupportedByServer)
    }

    @Test(.sends("5:MQTT-3.3.2-7", "5:MQTT-3.2.2-17"))
    func `an alias that a message asked for is not sent again, nor to a server that takes fewer`() async throws {
        var connection = try await AliasConnection(taking: 7)
        _ = try connection.client.enqueue("sent", to: "a", properties: [.topicAlias(7)])
        #expect(try await connection.sent(1) == [Named("a", 7)])
        try await connection.cut()
        _ = try connection.client.enqueue("waited", to: "a", properties: [.topicAlias(7)])
        _ = try connection.client.enqueue("waited", to: "a", properties: [.topicAlias(3)])
        try await connection.reconnect(taking: 3)
        #expect(try await connection.sent(3) == [Named("a"), Named("a"), Named("a", 3)])
    }

    @Test func `where the client chooses aliases no message may`() async throws {
        let connection = try await AliasConnection(taking: 7, [], Self.automatic())
        let client = connection.client
        let code = Self.code { _ = try client.enqueue("x", to: "topic", properties: [.topicAlias(1)]) }
        #expect(code == .invalidArgument)
    }

    @Test func `a limit of no aliases is refused`() async throws {
        let world = VirtualWorld(version: .v5)
        var configuration = MQTT5Client.Configuration()
        configuration.outboundTopicAliases = .automatic(limit: 0)
        let client = MQTT5Client(configuration: configuration, world: world, eventLoop: world.eventLoop)
        let error = await #expect(throws: MQTTError.self) { try await client.connect() }
        #expect(error?.code == .invalidArgument)
    }

    // MARK: - All together

    /// The server's own view: a table for each connection, and every message says its topic in its payload.
    @Test(.sends("5:MQTT-3.3.2-7", "5:MQTT-3.2.2-17", "U5-3.3.4-2"), arguments: 1...8 as ClosedRange<UInt64>)
    func `over many connections the server resolves every message to its topic`(seed: UInt64) async throws {
        var random = SeededGenerator(state: seed)
        var maximum: UInt16? = 3
        var connection = try await AliasConnection(taking: maximum, [], Self.automatic(4))
        var receipts: [PublishReceipt] = []
        for round in 0..<30 {
            var table: [UInt16: String] = [:]
            let isLast = round == 29
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                let topic = "topic/\(Int.random(in: 0..<6, using: &random))"
                receipts.append(try connection.client.enqueue(topic, to: topic))
            }
            receipts.append(try connection.client.enqueue("last", to: "last"))
            // Some of what is sent is read, and some of that acknowledged, before the connection is cut.
            var left = isLast ? Int.max : Int.random(in: 0...15, using: &random)
            while left > 0 {
                let publish = try await connection.publish()
                left -= 1
                let alias = publish.properties.topicAlias
                #expect(alias.map { 1...(maximum ?? 0) ~= $0 } ?? true)
                #expect(!publish.duplicate || alias == nil)
                if let alias, !publish.topic.isEmpty { table[alias] = publish.topic }
                let topic = publish.topic.isEmpty ? table[alias ?? 0] : publish.topic
                let text = String(buffer: publish.payload)
                #expect(topic == text)
                let packetID = try #require(publish.packetID)
                if isLast || Bool.random(using: &random) {
                    try await connection.peer.send(.pubAck(Acknowledgement(packetID: packetID)))
                }
                if text == "last", !isLast || receipts.last?.isComplete == true { break }
            }
            guard !isLast else { break }
            try await connection.cut()
            maximum = [nil, 1, 2, 3, 65_535].randomElement(using: &random) ?? nil
            try await connection.reconnect(taking: maximum)
        }
        for receipt in receipts { try await receipt.outcome() }
    }
}
