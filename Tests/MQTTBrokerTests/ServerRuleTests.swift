// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@testable import MQTTBroker

/// What the broker writes, byte by byte.
@Suite struct ServerBytesTests {
    @Test(
        .serves(
            "5:MQTT-1.5.5-1",
            "5:MQTT-2.1.3-1",
            "5:MQTT-2.2.2-1",
            "5:MQTT-3.6.1-1",
            "3.1.1:MQTT-2.2.2-1",
            "3.1.1:MQTT-3.6.1-1",
            "3.1.1:MQTT-7.0.0-2"
        ),
        arguments: [4, 5] as [UInt8]
    )
    func `a client that knows nothing but the standard is answered to the byte`(level: UInt8) {
        var broker = CoreHarness { $0.topicAliasMaximum = 0 }
        // The length of the properties, where there are any.
        let none: [UInt8] = level == 5 ? [0] : []
        let payload = [UInt8](repeating: 0x78, count: 200)
        let sent: [[UInt8]] = [
            Bytes.connect(level),
            Bytes.packet(0x82, [0, 7] + none + [0, 1, 0x74, 2]),
            Bytes.packet(0x32, [0, 1, 0x74, 0, 8] + none),
            Bytes.packet(0x34, [0, 1, 0x74, 0, 9] + none + payload),
            [0x62, 2, 0, 9],
            [0x40, 2, 0, 1],
            [0x50, 2, 0, 2],
            [0x70, 2, 0, 2],
            Bytes.packet(0xA2, [0, 10] + none + [0, 1, 0x74]),
            [0xC0, 0],
        ]
        let long: [UInt8] = [0x34, UInt8(0x80 | (205 + none.count) & 0x7F), 1, 0, 1, 0x74, 0, 2]
        let expected: [[UInt8]] = [
            level == 5 ? [0x20, 3, 0, 0, 0] : [0x20, 2, 0, 0],
            level == 5 ? [0x90, 4, 0, 7, 0, 2] : [0x90, 3, 0, 7, 2],
            [0x32, UInt8(5 + none.count), 0, 1, 0x74, 0, 1] + none,
            [0x40, 2, 0, 8],
            long + none + payload,
            [0x50, 2, 0, 9],
            [0x70, 2, 0, 9],
            [0x62, 2, 0, 2],
            level == 5 ? [0xB0, 4, 0, 10, 0, 0] : [0xB0, 2, 0, 10],
            [0xD0, 0],
        ]
        #expect(broker.answer(to: sent.flatMap { $0 }).bytes == expected)
    }

    @Test(.serves("5:MQTT-2.1.3-1", "5:MQTT-3.15.1-1"))
    func `an AUTH of the broker has no flags`() throws {
        var broker = CoreHarness(questions: .exchange)
        let id = broker.open()
        broker.send(.connect(Connect(clientID: "a", properties: [.authenticationMethod("m")])), from: id)
        broker.answer(.proceed(nil))
        let packets = broker.received(id)
        try #require(packets.count == 1)
        let bytes = try PacketEncoder(version: .v5).encode(packets[0])
        #expect(Array(bytes.readableBytesView) == [0xF0, 6, 0x18, 4, 0x15, 0, 1, 0x6D])
    }

    @Test(
        .serves("5:MQTT-1.5.4-3", "3.1.1:MQTT-1.5.3-3", "5:MQTT-4.7.3-4", "3.1.1:MQTT-4.7.3-4"),
        arguments: [ProtocolVersion.v5, .v311]
    )
    func `a byte order mark is a character as any other`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("watch", version)
        broker.subscribe(id, "\u{FEFF}t")
        let level: UInt8 = version == .v5 ? 5 : 4
        let marked = Bytes.publish(level, topic: "\u{FEFF}t")
        #expect(marked.dropFirst(4).starts(with: [0xEF, 0xBB, 0xBF, 0x74]))
        _ = broker.answer(to: Bytes.connect(level) + marked + Bytes.publish(level, topic: "t"))
        let messages = broker.messages(id)
        #expect(messages.map { Array($0.topic.utf8) } == [[0xEF, 0xBB, 0xBF, 0x74]])
    }

    @Test(.serves("5:MQTT-4.7.3-3", "3.1.1:MQTT-4.7.3-3"), arguments: [ProtocolVersion.v5, .v311])
    func `a topic has up to 65,535 bytes and no more`(version: ProtocolVersion) throws {
        var broker = CoreHarness()
        let id = broker.connect("watch", version)
        broker.subscribe(id, "#")
        let longest = String(repeating: "t", count: 65_535)
        let level: UInt8 = version == .v5 ? 5 : 4
        _ = broker.answer(to: Bytes.connect(level) + Bytes.publish(level, topic: longest))
        #expect(broker.messages(id).map(\.topic) == [longest])
        broker.publish(Publish(longest + "t"))
        #expect(broker.received(id) == [])
        broker.send(.message(longest + "t"), from: id)
        #expect(broker.closed.contains(id))
        let other = broker.connect("other", version)
        broker.send(.subscribing(longest + "t", longest), from: other)
        let reasons: [ReasonCode] = [.topicFilterInvalid, .grantedQoS2]
        #expect(broker.received(other) == [.subAck(SubAck(packetID: .first, reasons: reasons))])
    }
}

/// Rules of servers that the other tests of the core leave open.
@Suite struct ServerRuleTests {
    @Test(.serves("5:MQTT-3.1.3-7"))
    func `an assigned identifier is the client's own from then on`() throws {
        var broker = CoreHarness()
        let (first, connAck) = broker.connecting(Connect(clientID: "", properties: [.sessionExpiryInterval(60)]))
        let assigned = try #require(connAck?.properties.assignedClientIdentifier)
        broker.subscribe(first, "t")
        broker.close(first)
        broker.publish(Publish("t", "while away", .atLeastOnce))
        let (second, again) = broker.connecting(Connect(clientID: assigned, cleanStart: false))
        #expect(again?.sessionPresent == true)
        #expect(again?.properties.assignedClientIdentifier == nil)
        #expect(broker.payloads(second) == ["while away"])
    }

    @Test(.serves("3.1.1:MQTT-3.1.3-6"))
    func `clients of 3_1_1 without an identifier are strangers to each other`() {
        var broker = CoreHarness()
        let ids = ["t", "u"].map { filter in
            let (id, connAck) = broker.connecting(Connect(clientID: ""), .v311)
            #expect(connAck?.reason == .success)
            broker.subscribe(id, filter)
            return id
        }
        #expect(broker.closed == [])
        broker.publish(Publish("t"))
        #expect(ids.map { broker.payloads($0) } == [["x"], []])
    }

    @Test(.serves("3.1.1:MQTT-4.1.0-2", "5:MQTT-4.1.0-1"), arguments: [ProtocolVersion.v5, .v311])
    func `a session without an expiry lasts as long as its connection`(version: ProtocolVersion) {
        var broker = CoreHarness { $0.sessionExpiryCap = 1 }
        let id = broker.connect("a", version)
        broker.subscribe(id, "t")
        broker.advance(.hours(1_000))
        broker.publish(Publish("t"))
        #expect(broker.payloads(id) == ["x"])
    }

    @Test(
        .serves("5:MQTT-3.1.2-24", "5:MQTT-3.2.2-19", "5:MQTT-4.13.2-1"),
        arguments: [(4, 0, false), (5, 1, false), (100, 1, true)] as [(UInt32, Int, Bool)]
    )
    func `a refusal is no larger than the client takes`(maximum: UInt32, count: Int, hasWords: Bool) {
        var broker = CoreHarness { $0.assignsClientIdentifiers = false }
        let id = broker.open()
        broker.send(.connect(Connect(clientID: "", properties: [.maximumPacketSize(maximum)])), from: id)
        let packets = broker.received(id)
        #expect(packets.map(\.reason) == Array(repeating: .clientIdentifierNotValid, count: count))
        #expect(broker.closed.contains(id))
        guard case .connAck(let connAck) = packets.first else { return }
        #expect((connAck.properties.reasonString != nil) == hasWords)
    }

    @Test(.serves("5:MQTT-3.1.2-24"))
    func `an AUTH larger than the client takes is not sent and ends the connection`() {
        var broker = CoreHarness(questions: .exchange)
        let id = broker.open()
        let properties: Properties = [.authenticationMethod("m"), .maximumPacketSize(20)]
        broker.send(.connect(Connect(clientID: "a", properties: properties)), from: id)
        broker.answer(.proceed(ByteBuffer(repeating: 1, count: 20)))
        #expect(broker.received(id) == [])
        #expect(broker.closed.contains(id))
        #expect(broker.core.connections.isEmpty)
        #expect(broker.core.nextDeadline == nil)
    }

    @Test(.serves("5:MQTT-4.12.0-6"))
    func `who names no method is asked nothing and told none`() {
        var broker = CoreHarness(questions: [.exchange, .authenticate])
        let id = broker.open()
        broker.send(.connect(Connect(clientID: "a")), from: id)
        #expect(broker.received(id) == [])
        broker.answer(.decided(.success))
        guard case .connAck(let connAck) = broker.received(id).first else {
            Issue.record("there is no CONNACK")
            return
        }
        #expect(connAck.properties.authenticationMethod == nil)
        #expect(connAck.properties.authenticationData == nil)
    }

    @Test(
        .serves("5:MQTT-4.3.2-5", "3.1.1:MQTT-4.3.2-2"),
        arguments: [ProtocolVersion.v5, .v311],
        [false, true]
    )
    func `after PUBACK an identifier is a new message, whatever DUP says`(version: ProtocolVersion, isDuplicate: Bool) {
        var broker = CoreHarness()
        let watch = broker.connect("watch")
        broker.subscribe(watch, "t")
        let id = broker.connect("a", version)
        for _ in 0..<2 { broker.send(.message("t", "x", .atLeastOnce, id: 3, duplicate: isDuplicate), from: id) }
        #expect(broker.received(id) == [.pubAck(Acknowledgement(3)), .pubAck(Acknowledgement(3))])
        #expect(broker.payloads(watch) == ["x", "x"])
    }
}

/// Subscriptions and retained messages, also of clients of 3.1.1.
@Suite struct ServerBefore5Tests {
    @Test(.serves("3.1.1:MQTT-3.3.1-8", "3.1.1:MQTT-3.3.1-9", "3.1.1:MQTT-3.3.1-6"))
    func `RETAIN marks what comes because of a new subscription, and only that`() {
        var broker = CoreHarness()
        let id = broker.connect("a", .v311)
        broker.subscribe(id, "t")
        let publisher = broker.connect("publisher", .v311)
        broker.send(.message("t", "1", .atLeastOnce, retain: true), from: publisher)
        #expect(broker.messages(id).map(\.retain) == [false])
        broker.subscribe(id, "+")
        let messages = broker.messages(id)
        #expect(messages.map(\.text) == ["1"])
        #expect(messages.map(\.retain) == [true])
    }

    @Test(.serves("5:MQTT-3.8.4-3", "5:MQTT-3.8.4-4", "3.1.1:MQTT-3.8.4-3"), arguments: [ProtocolVersion.v5, .v311])
    func `the same filter again replaces the subscription and loses nothing`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("a", version)
        broker.publish(Publish("t", "kept", retain: true))
        broker.subscribe(id, "t", qos: .exactlyOnce)
        #expect(broker.payloads(id) == ["kept"])
        broker.setWritable(false, id)
        broker.publish(Publish("t", "waits", .exactlyOnce))
        broker.subscribe(id, "t", qos: .atLeastOnce)
        broker.publish(Publish("t", "new", .exactlyOnce))
        broker.setWritable(true, id)
        let messages = broker.messages(id)
        #expect(messages.map(\.text) == ["waits", "kept", "new"])
        #expect(messages.map(\.qos) == [.exactlyOnce, .atMostOnce, .atLeastOnce])
        #expect(broker.core.subscriptions.count == 1)
    }

    @Test(.serves("3.1.1:MQTT-3.3.5-1"))
    func `where filters overlap the highest QoS is kept`() {
        var broker = CoreHarness()
        let id = broker.connect("a", .v311)
        broker.subscribe(id, "t/#", qos: .atMostOnce)
        broker.subscribe(id, "t/x", qos: .atLeastOnce)
        broker.subscribe(id, "+/x", qos: .atMostOnce)
        broker.publish(Publish("t/x", "x", .exactlyOnce))
        #expect(broker.messages(id).map(\.qos) == [.atLeastOnce])
    }

    @Test(.serves("3.1.1:MQTT-3.3.2-3"), arguments: [("#", 3), ("a/+", 1), ("a", 1), ("+", 2), ("x", 0)])
    func `what is delivered matches the filter`(filter: String, count: Int) {
        var broker = CoreHarness()
        let id = broker.connect("a", .v311)
        broker.subscribe(id, filter)
        for topic in ["a", "a/b", "b"] { broker.publish(Publish(topic)) }
        #expect(broker.messages(id).count == count)
    }
}
