// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@Suite struct PublishTests {
    @Test(
        .receives(
            "5:MQTT-2.2.1-4",
            "5:MQTT-2.2.2-1",
            "5:MQTT-3.3.2-1",
            "5:MQTT-3.3.2-2",
            "5:MQTT-3.3.2-14",
            "5:MQTT-4.7.0-1",
            "5:MQTT-4.7.3-1",
            "U5-3.3.2.1-1",
            "3.1.1:MQTT-3.3.2-1",
            "3.1.1:MQTT-3.3.2-2",
            "3.1.1:MQTT-4.7.1-1",
            "3.1.1:MQTT-4.7.3-1",
            "3.1.1:MQTT-4.7.3-2"
        ),
        arguments: [
            Refusal("no topic", .v5, .client, frame(0x30, ""), .malformedPacket),
            Refusal("half a topic length", .v5, .client, frame(0x30, "00"), .malformedPacket),
            Refusal("topic past the end", .v311, .client, frame(0x30, "0002 't'"), .malformedPacket),
            Refusal("empty topic", .v311, .client, frame(0x30, "0000"), .protocolError),
            Refusal("empty topic, no alias", .v5, .client, frame(0x30, "0000 00"), .protocolError),
            Refusal("empty topic, other property", .v5, .client, frame(0x30, "0000 02 0101"), .protocolError),
            Refusal("wildcard #", .v5, .client, frame(0x30, "0001 '#' 00"), .topicNameInvalid),
            Refusal("wildcard +", .v311, .client, frame(0x30, "0003 'a/+'"), .topicNameInvalid),
            Refusal("wildcard in a word", .v5, .client, frame(0x30, "000C 'aaaaaaaa+bbb' 00"), .topicNameInvalid),
            Refusal("U+0000", .v5, .client, frame(0x30, "0001 00 00"), .malformedPacket),
            Refusal("U+0000 in a word", .v311, .client, frame(0x30, "000A 'aaaa' 00 'aaaaa'"), .malformedPacket),
            Refusal("identifier 0", .v5, .client, frame(0x32, "0001 't' 0000 00"), .protocolError),
            Refusal("identifier 0", .v311, .server, frame(0x34, "0001 't' 0000"), .protocolError),
            Refusal("no identifier", .v311, .client, frame(0x32, "0001 't'"), .malformedPacket),
            Refusal("half an identifier", .v5, .client, frame(0x32, "0001 't' 00"), .malformedPacket),
            Refusal("no property length", .v5, .client, frame(0x30, "0001 't'"), .malformedPacket),
            Refusal("properties past the end", .v5, .client, frame(0x30, "0001 't' 03 0101"), .malformedPacket),
            Refusal("property past its block", .v5, .client, frame(0x30, "0001 't' 01 0101"), .malformedPacket),
            Refusal("alias 0", .v5, .client, frame(0x30, "0001 't' 03 230000"), .topicAliasInvalid),
            Refusal("identifier of a client", .v5, .server, frame(0x30, "0001 't' 02 0B01"), .protocolError),
            Refusal(
                "response topic with wildcard",
                .v5,
                .client,
                frame(0x30, "0001 't' 04 080001 '#'"),
                .protocolError
            ),
            Refusal("empty response topic", .v5, .client, frame(0x30, "0001 't' 03 080000"), .protocolError),
        ]
    )
    func `a PUBLISH that breaks a rule is refused`(refusal: Refusal) { refusal.check() }

    @Test(.receives("3.1.1:MQTT-2.3.1-5")) func `at QoS 0 what follows the topic is never an identifier`() {
        let message = Publish(topic: "t", payload: wire("0001"))
        #expect(decodeEveryWay(frame(0x30, "0001 't' 0001"), .v311, .client) == Outcome(packets: [.publish(message)]))
    }

    @Test(arguments: ProtocolVersion.allCases, [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `every form of a message is read back`(version: ProtocolVersion, qos: QoS) throws {
        for (retain, duplicate) in [(false, false), (true, false), (false, true), (true, true)] {
            for size in [0, 1, 100, 130, 20_000] {
                let packet = Packet.publish(
                    Publish(
                        topic: "a/ü/\u{1F600}",
                        payload: ByteBuffer(repeating: 7, count: size),
                        qos: qos,
                        retain: retain,
                        duplicate: duplicate && qos != .atMostOnce,
                        packetID: qos == .atMostOnce ? nil : id(77)
                    )
                )
                let bytes = try encode(packet, version)
                let outcome = size < 200 ? decodeEveryWay(bytes, version, .client) : decode([bytes], version, .server)
                #expect(outcome == Outcome(packets: [packet]))
            }
        }
    }

    @Test(.sends("5:MQTT-2.2.1-2", "5:MQTT-3.3.1-2", "3.1.1:MQTT-2.3.1-5", "3.1.1:MQTT-3.3.1-2", "U5-3.3.2.1-1"))
    func `a PUBLISH whose fields disagree is not encoded`() {
        let payload = wire("")
        expectRefused(.publish(Publish(topic: "t", payload: payload, packetID: .first)), .v5, .invalidField)
        expectRefused(.publish(Publish(topic: "t", payload: payload, qos: .atLeastOnce)), .v311, .invalidField)
        expectRefused(.publish(Publish(topic: "t", payload: payload, duplicate: true)), .v5, .invalidField)
        expectRefused(.publish(Publish(topic: "", payload: payload)), .v5, .invalidTopic)
        expectRefused(.publish(Publish(topic: "", payload: payload)), .v311, .invalidTopic)
        expectRefused(
            .publish(Publish(topic: "t", payload: payload, properties: [.topicAlias(1)])),
            .v311,
            .notInThisVersion
        )
        expectRefused(
            .publish(Publish(topic: "t", payload: payload, properties: [.willDelayInterval(1)])),
            .v5,
            .invalidProperty
        )
    }
}

@Suite struct PublishFrameTests {
    private func error(_ message: OutgoingMessage, _ version: ProtocolVersion) -> EncodingError.Kind? {
        do throws(EncodingError) {
            _ = try PublishFrame(message, version: version)
            return nil
        } catch {
            return error.kind
        }
    }

    private func message(_ topic: String, _ properties: Properties = []) -> OutgoingMessage {
        OutgoingMessage(topic: topic, payload: wire("AA"), properties: properties)
    }

    @Test(
        .sends(
            "5:MQTT-3.3.2-2",
            "5:MQTT-4.7.0-1",
            "5:MQTT-4.7.3-1",
            "5:MQTT-4.7.3-2",
            "3.1.1:MQTT-3.3.2-2",
            "3.1.1:MQTT-4.7.1-1",
            "3.1.1:MQTT-4.7.3-1",
            "3.1.1:MQTT-4.7.3-2"
        ),
        arguments: ["", "#", "+", "a/#", "a/+/b", "a#", "12345678#", "1234567+", "\0", "1234567\0", "12345678\0x"]
    )
    func `a topic that is no topic name is refused`(topic: String) {
        for version in ProtocolVersion.allCases { #expect(self.error(self.message(topic), version) == .invalidTopic) }
    }

    @Test(
        .sends("5:MQTT-3.3.2-1", "3.1.1:MQTT-3.3.2-1"),
        arguments: [
            "a", "/", "//", " ", "a/ü", "$SYS/x", "\u{FEFF}", "1234567", "12345678",
            "123456789\u{1}\u{22}\u{24}\u{2A}\u{2C}",
        ]
    )
    func `a topic name is taken as it is`(topic: String) throws {
        for version in ProtocolVersion.allCases {
            let frame = try PublishFrame(self.message(topic), version: version)
            var buffer = ByteBuffer()
            frame.write(packetID: nil, duplicate: false, into: &buffer)
            let packet = Packet.publish(Publish(topic: topic, payload: wire("AA")))
            #expect(decode([buffer], version, .server) == Outcome(packets: [packet]))
        }
    }

    @Test(.sends("5:MQTT-4.7.3-3", "3.1.1:MQTT-4.7.3-3")) func `a topic may be 65,535 bytes long and no longer`() throws
    {
        let longest = String(repeating: "x", count: 65_533) + "ü"
        #expect(try PublishFrame(self.message(longest), version: .v311).size == 65_535 + 2 + 1 + 1 + 3)
        for topic in [longest + "x", String(repeating: "ü", count: 32_768), String(repeating: "x", count: 131_072)] {
            #expect(self.error(self.message(topic), .v5) == .invalidTopic)
        }
    }

    @Test(.sends("U5-3.3.2.1-1"))
    func `a client's message has a topic also with an alias, which is 1 or more, there once, and 5_0`() {
        #expect(self.error(self.message("t", [.topicAlias(1)]), .v5) == nil)
        #expect(self.error(self.message("", [.topicAlias(1)]), .v5) == .invalidTopic)
        #expect(self.error(self.message("t", [.topicAlias(1), .topicAlias(1)]), .v5) == .invalidProperty)
        #expect(self.error(self.message("t", [.topicAlias(0)]), .v5) == .invalidProperty)
        #expect(self.error(self.message("t", [.topicAlias(1)]), .v311) == .notInThisVersion)
        #expect(self.error(self.message("", [.contentType("x")]), .v5) == .invalidTopic)
        #expect(self.error(self.message("", [.topicAlias(1)]), .v311) == .notInThisVersion)
        #expect(self.error(self.message("", [.topicAlias(0)]), .v5) == .invalidProperty)
    }

    @Test(.sends("5:MQTT-3.3.4-6")) func `properties are refused before 5_0, and those of a server always`() {
        #expect(self.error(self.message("t", [.contentType("x")]), .v311) == .notInThisVersion)
        #expect(self.error(self.message("t", [.contentType("x")]), .v31) == .notInThisVersion)
        #expect(self.error(self.message("t", [.subscriptionIdentifier(1)]), .v5) == .invalidProperty)
        #expect(self.error(self.message("t", [.contentType("x")]), .v5) == nil)
    }

    @Test(.sends("U5-2.1.4-1?")) func `a payload may fill the packet and no more`() {
        var message = OutgoingMessage(topic: "t", payload: ByteBuffer(repeating: 0, count: 268_435_455 - 3))
        #expect(self.error(message, .v311) == nil)
        #expect(self.error(message, .v5) == .tooLarge)
        message.payload.moveReaderIndex(forwardBy: 1)
        #expect(self.error(message, .v5) == nil)
    }

    @Test(arguments: ProtocolVersion.allCases, [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `the head is the packet without its payload, and the size counts every byte`(
        version: ProtocolVersion,
        qos: QoS
    ) throws {
        let sets: [Properties] = version == .v5 ? [[], [.contentType("x"), .messageExpiryInterval(1)]] : [[]]
        for properties in sets {
            for size in [0, 1, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 16_370, 16_384, 70_000] {
                let payload = ByteBuffer(repeating: 9, count: size)
                let frame = try PublishFrame(
                    OutgoingMessage(topic: "topic", payload: payload, qos: qos, retain: true, properties: properties),
                    version: version
                )
                let packetID = qos == .atMostOnce ? nil : id(300)
                var whole = ByteBuffer(string: "before")
                frame.write(packetID: packetID, duplicate: qos != .atMostOnce, into: &whole)
                var parts = ByteBuffer(string: "before")
                frame.writeHead(packetID: packetID, duplicate: qos != .atMostOnce, into: &parts)
                parts.writeImmutableBuffer(payload)
                #expect(whole == parts)
                #expect(whole.readableBytes == 6 + frame.size)
                whole.moveReaderIndex(forwardBy: 6)
                let packet = Publish(
                    topic: "topic",
                    payload: payload,
                    qos: qos,
                    retain: true,
                    duplicate: qos != .atMostOnce,
                    packetID: packetID,
                    properties: properties
                )
                #expect(decode([whole], version, .server) == Outcome(packets: [.publish(packet)]))
            }
        }
    }

    @Test(.sends("5:MQTT-3.3.1-2", "5:MQTT-4.3.1-1", "3.1.1:MQTT-3.3.1-2", "3.1.1:MQTT-4.3.1-1"))
    func `DUP is never set at QoS 0`() throws {
        var buffer = ByteBuffer()
        try PublishFrame(self.message("t"), version: .v311).write(packetID: nil, duplicate: true, into: &buffer)
        #expect(buffer == wire("30 04 0001 't' AA"))
    }
}

@Suite struct TopicCacheTests {
    @Test func `repeated and mixed topics are told apart`() throws {
        // More topics than the cache has places, of all lengths around its words and its limit.
        var topics = (0..<300).map { "sensor/\($0)/temperature" }
        topics += (1...20).map { String(repeating: "x", count: $0) }
        topics += [255, 256, 257, 1000].map { String(repeating: "y", count: $0) }
        topics += ["ab", "ba", "é", "e\u{301}", "sensor/\u{0}1".replacingNull]
        var buffer = ByteBuffer()
        var expected: [Packet] = []
        for round in 0..<3 {
            for topic in round == 1 ? topics.reversed() : topics {
                for _ in 0...round {
                    let packet = Packet.publish(Publish(topic: topic, payload: wire("")))
                    try PacketEncoder(version: .v5).encode(packet, into: &buffer)
                    expected.append(packet)
                }
            }
        }
        let outcome = decode([buffer], .v5, .client)
        #expect(outcome == Outcome(packets: expected))
        // Equal strings may differ in bytes (é), so these are compared as well.
        for (decoded, sent) in zip(outcome.packets, expected) {
            guard case .publish(let left) = decoded, case .publish(let right) = sent else { continue }
            #expect(left.topic.utf8.elementsEqual(right.topic.utf8))
        }
    }

    @Test func `an invalid topic is refused however often it comes`() {
        let good = frame(0x30, "0001 't' 00")
        for bad in ["0001 FF 00", "0002 't+' 00", "0002 't' 00 00"] {
            var bytes = good
            bytes.writeImmutableBuffer(frame(0x30, bad))
            let outcome = decodeEveryWay(bytes, .v5, .client)
            #expect(outcome.packets.count == 1)
            #expect(outcome.error != nil)
        }
    }
}

extension String {
    fileprivate var replacingNull: String { String(self.map { $0 == "\0" ? "0" : $0 }) }
}
