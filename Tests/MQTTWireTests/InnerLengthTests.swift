// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore
import Testing

/// Every length inside a packet, made one less, one more, nothing and 65,535.
@Suite struct InnerLengthTests {
    /// A packet with its inner lengths between braces: `{0001}` for two bytes, `{05}` for a property length.
    struct Sample: Sendable, CustomTestStringConvertible {
        let name: String
        let version: ProtocolVersion
        let role: PacketDecoder.Role
        let first: UInt8
        let body: String

        init(_ name: String, _ version: ProtocolVersion, _ role: PacketDecoder.Role, _ first: UInt8, _ body: String) {
            self.name = name
            self.version = version
            self.role = role
            self.first = first
            self.body = body
        }

        var testDescription: String { "\(self.name), \(self.version)" }

        private var parts: [String] {
            self.body.split(separator: "{", omittingEmptySubsequences: false).map(String.init)
        }

        var lengths: Int { self.parts.count - 1 }

        /// The packet with one of its lengths changed; nil when the length has no such value.
        func bytes(changing index: Int? = nil, _ change: (Int) -> Int? = { $0 }) -> ByteBuffer? {
            var body = wire(self.parts[0])
            for (number, part) in self.parts.dropFirst().enumerated() {
                let halves = part.split(separator: "}", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                guard let value = Int(halves[0], radix: 16) else { return nil }
                guard let changed = number == index ? change(value) : value, changed >= 0 else { return nil }
                if halves[0].count == 4 {
                    body.writeInteger(UInt16(changed))
                } else {
                    guard changed < 128 else { return nil }
                    body.writeInteger(UInt8(changed))
                }
                body.writeImmutableBuffer(wire(halves[1]))
            }
            return frame(self.first, body)
        }
    }

    static let samples = [
        Sample(
            "CONNECT",
            .v5,
            .server,
            0x10,
            "{0004}'MQTT' 05 C6 003C {09} 21 0001 15 {0001}'m' 17 01 {0001}'c' "
                + "{06} 03 {0003}'t/p' {0001}'w' {0002} 0102 {0001}'u' {0001} FF"
        ),
        Sample(
            "CONNECT",
            .v311,
            .server,
            0x10,
            "{0004}'MQTT' 04 C6 003C {0001}'c' {0001}'w' {0002} 0102 {0001}'u' {0001} FF"
        ),
        Sample("CONNACK", .v5, .client, 0x20, "00 00 {0C} 1F {0003}'why' 12 {0003}'who'"),
        Sample("PUBACK", .v5, .client, 0x40, "0001 00 {0D} 1F {0003}'why' 26 {0001}'n' {0001}'v'"),
        Sample("PUBREC", .v5, .client, 0x50, "0001 00 {0D} 1F {0003}'why' 26 {0001}'n' {0001}'v'"),
        Sample("PUBREL", .v5, .client, 0x62, "0001 00 {0D} 1F {0003}'why' 26 {0001}'n' {0001}'v'"),
        Sample("PUBCOMP", .v5, .client, 0x70, "0001 00 {0D} 1F {0003}'why' 26 {0001}'n' {0001}'v'"),
        Sample("SUBACK", .v5, .client, 0x90, "0001 {0D} 1F {0003}'why' 26 {0001}'n' {0001}'v' 00 02"),
        Sample("UNSUBACK", .v5, .client, 0xB0, "0001 {0D} 1F {0003}'why' 26 {0001}'n' {0001}'v' 00 11"),
        Sample("SUBSCRIBE", .v5, .server, 0x82, "0001 {07} 26 {0001}'n' {0001}'v' {0003}'a/b' 00 {0001}'c' 01"),
        Sample("SUBSCRIBE", .v31, .server, 0x82, "0001 {0003}'a/b' 00 {0001}'c' 01"),
        Sample("UNSUBSCRIBE", .v5, .server, 0xA2, "0001 {07} 26 {0001}'n' {0001}'v' {0003}'a/b' {0001}'c'"),
        Sample("DISCONNECT", .v5, .client, 0xE0, "00 {06} 1F {0003}'why'"),
        Sample("AUTH", .v5, .client, 0xF0, "18 {0A} 15 {0001}'m' 16 {0003} 010203"),
    ]

    @Test(arguments: Self.samples)
    func `attack inner length: a wrong length anywhere is refused`(sample: Sample) throws {
        let right = decodeEveryWay(try #require(sample.bytes()), sample.version, sample.role)
        #expect(right.error == nil)
        #expect(right.packets.count == 1)
        let changes: [(Int) -> Int?] = [{ $0 - 1 }, { $0 + 1 }, { $0 == 0 ? nil : 0 }, { _ in 65_535 }, { $0 + 127 }]
        for index in 0..<sample.lengths {
            for change in changes {
                guard let bytes = sample.bytes(changing: index, change) else { continue }
                let outcome = decodeEveryWay(bytes, sample.version, sample.role)
                #expect(outcome.error != nil, "length \(index): \(bytes)")
                #expect(outcome.packets.isEmpty)
            }
        }
    }

    @Test func `a wrong length in a PUBLISH moves the border of the payload or is refused, and never reads on`() throws
    {
        let sample = Sample("PUBLISH", .v5, .client, 0x32, "{0003}'a/b' 0001 {07} 03 {0004}'text' 'payload'")
        for index in 0..<sample.lengths {
            for change in [{ $0 - 1 }, { $0 + 1 }, { _ in 0 }, { _ in 65_535 }] as [(Int) -> Int?] {
                guard let bytes = sample.bytes(changing: index, change) else { continue }
                let outcome = decodeEveryWay(bytes, sample.version, sample.role)
                for case .publish(let publish) in outcome.packets {
                    #expect(publish.payload.readableBytes + publish.topic.utf8.count <= bytes.readableBytes)
                }
                #expect(outcome.packets.count + (outcome.error == nil ? 0 : 1) == 1)
            }
        }
    }

    @Test(arguments: Self.samples)
    func `a packet cut anywhere, with its remaining length true, is refused or shorter`(sample: Sample) throws {
        let whole = try #require(sample.bytes())
        let body = Array(whole.readableBytesView.dropFirst(2))
        for length in 0..<body.count {
            let outcome = decodeEveryWay(
                frame(sample.first, ByteBuffer(bytes: body[..<length])),
                sample.version,
                sample.role
            )
            // What is left may be a legal, shorter packet: it has to survive its own round trip.
            for packet in outcome.packets {
                let again = try encode(packet, sample.version)
                #expect(decode([again], sample.version, sample.role).packets == [packet])
            }
        }
    }

    @Test(arguments: Self.samples)
    func `a byte behind the last field is refused`(sample: Sample) throws {
        // Lists that end with the packet.
        guard ![0x82, 0x90, 0xA2, 0xB0].contains(sample.first) else { return }
        let whole = try #require(sample.bytes())
        let body = ByteBuffer(bytes: whole.readableBytesView.dropFirst(2))
        Refusal(sample.name, sample.version, sample.role, frame(sample.first, body, wire("00")), .malformedPacket)
            .check()
    }
}
