// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

/// Every string field there is before 5.0, with every kind of content, in both directions.
@Suite struct StringsBefore5Tests {
    struct Place: Sendable, CustomTestStringConvertible {
        let name: String
        let version: ProtocolVersion
        let role: PacketDecoder.Role
        let first: UInt8
        let before: String
        let after: String
        var isTopic = false
        let kind: EncodingError.Kind
        let make: @Sendable (String) -> Packet

        var testDescription: String { "\(self.name), \(self.version)" }

        func bytes(_ content: [UInt8]) -> ByteBuffer {
            frame(self.first, wire(self.before), field(content), wire(self.after))
        }
    }

    private static func places(_ version: ProtocolVersion) -> [Place] {
        let head = version == .v31 ? "0006 'MQIsdp' 03" : "0004 'MQTT' 04"
        return [
            Place(
                name: "topic",
                version: version,
                role: .client,
                first: 0x30,
                before: "",
                after: "01",
                isTopic: true,
                kind: .invalidTopic
            ) { .publish(Publish(topic: $0, payload: ByteBuffer(bytes: [1]))) },
            Place(
                name: "filter",
                version: version,
                role: .server,
                first: 0x82,
                before: "0001",
                after: "00",
                isTopic: true,
                kind: .invalidFilter
            ) { .subscribe(Subscribe(packetID: .first, entries: [.init(filter: $0)])) },
            Place(
                name: "filter to give up",
                version: version,
                role: .server,
                first: 0xA2,
                before: "0001",
                after: "",
                isTopic: true,
                kind: .invalidFilter
            ) { .unsubscribe(Unsubscribe(packetID: .first, filters: [$0])) },
            Place(
                name: "client identifier",
                version: version,
                role: .server,
                first: 0x10,
                before: "\(head) 02 003C",
                after: "",
                kind: .invalidField
            ) { .connect(Connect(clientID: $0)) },
            Place(
                name: "user name",
                version: version,
                role: .server,
                first: 0x10,
                before: "\(head) 82 003C 0001 'c'",
                after: "",
                kind: .invalidField
            ) { .connect(Connect(clientID: "c", username: $0)) },
            Place(
                name: "will topic",
                version: version,
                role: .server,
                first: 0x10,
                before: "\(head) 06 003C 0001 'c'",
                after: "0000",
                isTopic: true,
                kind: .invalidTopic
            ) { .connect(Connect(clientID: "c", will: Will(topic: $0, payload: ByteBuffer()))) },
        ]
    }

    static let places = Self.places(.v311) + Self.places(.v31)

    @Test(
        .sends("3.1.1:MQTT-1.5.3-1", "3.1.1:MQTT-1.5.3-3", "3.1.1:MQTT-3.3.2-1"),
        .receives("3.1.1:MQTT-1.5.3-3"),
        arguments: Self.places
    )
    func `well formed text is handed through unchanged`(place: Place) throws {
        for text in StringTests.good {
            let bytes = place.bytes(Array(text.utf8))
            #expect(try encode(place.make(text), place.version) == bytes)
            let outcome = decodeEveryWay(bytes, place.version, place.role)
            #expect(outcome == Outcome(packets: [place.make(text)]))
            // Strings that differ in bytes may be equal, so what was read is compared as bytes, too.
            for read in outcome.packets { #expect(try encode(read, place.version) == bytes) }
        }
    }

    @Test(
        .receives("3.1.1:MQTT-1.5.3-1", "3.1.1:MQTT-1.5.3-2", "3.1.1:MQTT-3.3.2-1", "3.1.1:MQTT-4.7.3-2"),
        arguments: Self.places
    )
    func `ill-formed text and U+0000 are malformed`(place: Place) {
        for content in StringTests.bad {
            let outcome = decodeEveryWay(place.bytes(content), place.version, place.role)
            #expect(outcome.error?.reason == .malformedPacket, "\(content)")
            #expect(outcome.packets.isEmpty)
        }
    }

    @Test(
        .sends("3.1.1:MQTT-1.5.3-2", "3.1.1:MQTT-3.1.3-4", "3.1.1:MQTT-3.1.3-10", "3.1.1:MQTT-3.1.3-11"),
        .sends("3.1.1:MQTT-3.8.3-1", "3.1.1:MQTT-3.10.3-1", "3.1.1:MQTT-3.3.2-1", "3.1.1:MQTT-4.7.3-2"),
        arguments: Self.places
    )
    func `U+0000 is not sent`(place: Place) {
        for text in ["\0", "a\0", "1234567\0", "12345678\0", "\0 and more than eight bytes"] {
            expectRefused(place.make(text), place.version, place.kind)
        }
    }

    @Test(
        .sends("3.1.1:MQTT-4.7.3-3", "3.1.1:MQTT-3.1.3-4", "3.1.1:MQTT-3.1.3-10", "3.1.1:MQTT-3.1.3-11"),
        .receives("3.1.1:MQTT-4.7.3-3"),
        arguments: Self.places
    )
    func `a string of 65,535 bytes is sent and read, a longer one refused`(place: Place) throws {
        let longest = String(repeating: "x", count: 65_533) + "ü"
        let bytes = try encode(place.make(longest), place.version)
        #expect(bytes == place.bytes(Array(longest.utf8)))
        #expect(decode([bytes], place.version, place.role) == Outcome(packets: [place.make(longest)]))
        for length in [65_536, 65_537, 131_072] {
            expectRefused(place.make(String(repeating: "x", count: length)), place.version, place.kind)
        }
    }

    @Test(.sends("3.1.1:MQTT-4.7.3-1"), .receives("3.1.1:MQTT-4.7.3-1"), arguments: Self.places)
    func `nothing is a string, but no topic`(place: Place) throws {
        let outcome = decodeEveryWay(place.bytes([]), place.version, place.role)
        if place.isTopic {
            #expect(outcome.error?.reason == .protocolError)
            expectRefused(place.make(""), place.version, place.kind)
        } else {
            #expect(outcome == Outcome(packets: [place.make("")]))
            #expect(try encode(place.make(""), place.version) == place.bytes([]))
        }
    }

    @Test func `a binary field of 65,535 bytes is sent and read, a longer one refused`() throws {
        let makers: [(ByteBuffer) -> Packet] = [
            { .connect(Connect(clientID: "c", username: "u", password: $0)) },
            { .connect(Connect(clientID: "c", will: Will(topic: "w", payload: $0))) },
        ]
        for make in makers {
            for version in [ProtocolVersion.v31, .v311] {
                for length in [0, 65_535] {
                    let packet = make(ByteBuffer(repeating: 0xFF, count: length))
                    #expect(decode([try encode(packet, version)], version, .server) == Outcome(packets: [packet]))
                }
                for length in [65_536, 131_072] {
                    expectRefused(make(ByteBuffer(repeating: 0xFF, count: length)), version, .invalidField)
                }
            }
        }
    }
}
