// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

/// Every string and binary field of every packet, with every kind of content, in both directions.
@Suite struct StringTests {
    /// A place a string can be in: the bytes around it, and a packet that carries it.
    struct Place: Sendable, CustomTestStringConvertible {
        let name: String
        let role: PacketDecoder.Role
        let first: UInt8
        let before: String
        let after: String
        /// Whether the field is in a block of properties, whose length goes before `before`.
        var block = false
        /// Whether a wildcard or nothing at all may stand there.
        var isTopic = false
        let kind: EncodingError.Kind
        let make: @Sendable (String) -> Packet

        var testDescription: String { self.name }

        func bytes(_ content: [UInt8]) -> ByteBuffer {
            let content = field(content)
            guard self.block else { return frame(self.first, wire(self.before), content, wire(self.after)) }
            // `before` ends with the property's identifier, and with what stands in the block before the field.
            let parts = self.before.split(separator: "|", omittingEmptySubsequences: false).map { wire(String($0)) }
            let rest = self.after.split(separator: "|", omittingEmptySubsequences: false).map { wire(String($0)) }
            var inner = parts[1]
            inner.writeImmutableBuffer(content)
            inner.writeImmutableBuffer(rest[0])
            var length = ByteBuffer()
            var count = inner.readableBytes
            repeat {
                length.writeInteger(UInt8(count & 0x7F) | (count > 0x7F ? 0x80 : 0))
                count >>= 7
            } while count > 0
            return frame(self.first, parts[0], length, inner, rest[1])
        }
    }

    private static func property(
        _ name: String,
        _ identifier: String,
        isTopic: Bool = false,
        _ make: @escaping @Sendable (String) -> Property
    ) -> Place {
        let kind: EncodingError.Kind = isTopic ? .invalidProperty : .invalidField
        return Place(
            name: name,
            role: .client,
            first: 0x30,
            before: "0001 't' | \(identifier)",
            after: "|",
            block: true,
            isTopic: isTopic,
            kind: kind
        ) { .publish(Publish(topic: "t", payload: ByteBuffer(), properties: [make($0)])) }
    }

    private static func connAck(
        _ name: String,
        _ identifier: String,
        _ make: @escaping @Sendable (String) -> Property
    ) -> Place {
        Place(
            name: name,
            role: .client,
            first: 0x20,
            before: "00 00 | \(identifier)",
            after: "|",
            block: true,
            kind: .invalidField
        ) { .connAck(ConnAck(properties: [make($0)])) }
    }

    static let places: [Place] = [
        Place(
            name: "topic",
            role: .client,
            first: 0x30,
            before: "",
            after: "00 01",
            isTopic: true,
            kind: .invalidTopic
        ) { .publish(Publish(topic: $0, payload: ByteBuffer(bytes: [1]))) },
        Place(
            name: "filter",
            role: .server,
            first: 0x82,
            before: "0001 00",
            after: "00",
            isTopic: true,
            kind: .invalidFilter
        ) { .subscribe(Subscribe(packetID: .first, entries: [.init(filter: $0)])) },
        Place(
            name: "filter to give up",
            role: .server,
            first: 0xA2,
            before: "0001 00",
            after: "",
            isTopic: true,
            kind: .invalidFilter
        ) { .unsubscribe(Unsubscribe(packetID: .first, filters: [$0])) },
        Place(
            name: "client identifier",
            role: .server,
            first: 0x10,
            before: "0004 'MQTT' 05 02 003C 00",
            after: "",
            kind: .invalidField
        ) { .connect(Connect(clientID: $0)) },
        Place(
            name: "user name",
            role: .server,
            first: 0x10,
            before: "0004 'MQTT' 05 82 003C 00 0000",
            after: "",
            kind: .invalidField
        ) { .connect(Connect(clientID: "", username: $0)) },
        Place(
            name: "will topic",
            role: .server,
            first: 0x10,
            before: "0004 'MQTT' 05 06 003C 00 0000 00",
            after: "0000",
            isTopic: true,
            kind: .invalidTopic
        ) { .connect(Connect(clientID: "", will: Will(topic: $0, payload: ByteBuffer()))) },
        property("content type", "03") { .contentType($0) },
        property("response topic", "08", isTopic: true) { .responseTopic($0) },
        property("name of a user property", "26") { .userProperty(name: $0, value: "") }.followed(by: "0000"),
        property("value of a user property", "26 0000") { .userProperty(name: "", value: $0) },
        connAck("assigned client identifier", "12") { .assignedClientIdentifier($0) },
        connAck("authentication method", "15") { .authenticationMethod($0) },
        connAck("response information", "1A") { .responseInformation($0) },
        connAck("server reference", "1C") { .serverReference($0) },
        connAck("reason string", "1F") { .reasonString($0) },
    ]

    static let good: [String] = [
        "a", "\u{1}", "\u{7F}", "\u{80}", "ü", "\u{7FF}", "\u{800}", "\u{D7FF}", "\u{E000}", "\u{FFFD}", "\u{FFFF}",
        "\u{10000}", "\u{10FFFF}", "\u{FEFF}", "\u{FEFF}a", "a\u{FEFF}", "e\u{301}", "é", "日本語", "a\u{9F}b\u{FFFE}",
        "\u{1F468}\u{200D}\u{1F469}", "a string of more than fifteen bytes", "twenty-three bytes of ü",
    ]

    static let bad: [[UInt8]] = [
        [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xC3, 0x28], [0xE0, 0x80, 0x80],
        [0xE0, 0x9F, 0xBF], [0xE1, 0x80], [0xE2, 0x28, 0xA1], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
        [0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98],
        [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        [0x61, 0xFF], [0xFF, 0x61], Array("a long string that is not".utf8) + [0xC3], Array("12345678".utf8) + [0x80],
        [0x00], [0x61, 0x00], Array("1234567".utf8) + [0], [0] + Array("123456789".utf8), Array("12345678".utf8) + [0],
    ]

    @Test(.sends("5:MQTT-1.5.4-3"), .receives("5:MQTT-1.5.4-3"), arguments: Self.places)
    func `well formed text is handed through unchanged`(place: Place) throws {
        for text in Self.good {
            let packet = place.make(text)
            let bytes = place.bytes(Array(text.utf8))
            #expect(try encode(packet, .v5) == bytes)
            let outcome = decodeEveryWay(bytes, .v5, place.role)
            #expect(outcome == Outcome(packets: [packet]))
            // Strings that differ in bytes may be equal, so what was read is compared as bytes, too.
            for read in outcome.packets { #expect(try encode(read, .v5) == bytes) }
        }
    }

    @Test(
        .receives(
            "5:MQTT-1.5.4-1",
            "5:MQTT-1.5.4-2",
            "5:MQTT-1.5.7-1",
            "5:MQTT-3.3.2-1",
            "5:MQTT-3.3.2-13",
            "5:MQTT-3.3.2-19",
            "5:MQTT-4.7.3-2"
        ),
        arguments: Self.places
    )
    func `ill-formed text and U+0000 are malformed`(place: Place) {
        for content in Self.bad {
            let outcome = decodeEveryWay(place.bytes(content), .v5, place.role)
            #expect(outcome.error?.reason == .malformedPacket, "\(content)")
            #expect(outcome.packets.isEmpty)
        }
    }

    @Test(
        .sends(
            "5:MQTT-1.5.4-2",
            "5:MQTT-1.5.7-1",
            "5:MQTT-3.1.3-4",
            "5:MQTT-3.1.3-11",
            "5:MQTT-3.1.3-12",
            "5:MQTT-3.3.2-1",
            "5:MQTT-3.3.2-13",
            "5:MQTT-3.3.2-19",
            "5:MQTT-3.8.3-1",
            "5:MQTT-3.10.3-1",
            "5:MQTT-4.7.3-2"
        ),
        arguments: Self.places
    )
    func `U+0000 is not sent`(place: Place) {
        for text in ["\0", "a\0", "1234567\0", "12345678\0", "\0 and more than eight bytes"] {
            expectRefused(place.make(text), .v5, place.kind)
        }
    }

    @Test(
        .sends(
            "5:MQTT-3.1.3-4",
            "5:MQTT-3.1.3-11",
            "5:MQTT-3.1.3-12",
            "5:MQTT-3.8.3-1",
            "5:MQTT-3.10.3-1",
            "5:MQTT-4.7.3-3"
        ),
        .receives("5:MQTT-4.7.3-3"),
        arguments: Self.places
    )
    func `a string of 65,535 bytes is sent and read, a longer one refused`(place: Place) throws {
        let longest = String(repeating: "x", count: 65_533) + "ü"
        let bytes = try encode(place.make(longest), .v5)
        #expect(bytes == place.bytes(Array(longest.utf8)))
        #expect(decode([bytes], .v5, place.role) == Outcome(packets: [place.make(longest)]))
        for length in [65_536, 65_537, 131_072] {
            expectRefused(place.make(String(repeating: "x", count: length)), .v5, place.kind)
        }
        expectRefused(place.make(String(repeating: "ü", count: 32_768)), .v5, place.kind)
    }

    @Test(.sends("5:MQTT-4.7.3-1"), .receives("5:MQTT-4.7.3-1"), arguments: Self.places)
    func `nothing is a string, but no topic`(place: Place) throws {
        let outcome = decodeEveryWay(place.bytes([]), .v5, place.role)
        if place.isTopic {
            #expect(outcome.error?.reason == .protocolError)
            expectRefused(place.make(""), .v5, place.kind)
        } else {
            #expect(outcome == Outcome(packets: [place.make("")]))
            #expect(try encode(place.make(""), .v5) == place.bytes([]))
        }
    }

    @Test(.sends("U5-1.5.6-1?"), .receives("U5-1.5.6-1?"))
    func `a binary field of 65,535 bytes is sent and read, a longer one refused`() throws {
        let makers: [(PacketDecoder.Role, (ByteBuffer) -> Packet)] = [
            (.server, { .connect(Connect(clientID: "", username: "", password: $0)) }),
            (.server, { .connect(Connect(clientID: "", will: Will(topic: "w", payload: $0))) }),
            (.server, { .publish(Publish(topic: "t", payload: ByteBuffer(), properties: [.correlationData($0)])) }),
            (.client, { .connAck(ConnAck(properties: [.authenticationMethod(""), .authenticationData($0)])) }),
        ]
        for (role, make) in makers {
            for length in [0, 65_535] {
                let packet = make(ByteBuffer(repeating: 0xFF, count: length))
                #expect(decode([try encode(packet, .v5)], .v5, role) == Outcome(packets: [packet]))
            }
            for length in [65_536, 131_072] {
                expectRefused(make(ByteBuffer(repeating: 0xFF, count: length)), .v5, .invalidField)
            }
        }
    }
}

extension StringTests.Place {
    /// The same place with something behind the field inside its block.
    fileprivate func followed(by rest: String) -> StringTests.Place {
        StringTests.Place(
            name: self.name,
            role: self.role,
            first: self.first,
            before: self.before,
            after: rest + self.after,
            block: self.block,
            isTopic: self.isTopic,
            kind: self.kind,
            make: self.make
        )
    }
}
