// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@Suite struct AcknowledgementTests {
    /// One of the four packets: its first byte, its reason codes, and how to make it.
    struct Kind: Sendable, CustomTestStringConvertible {
        let name: String
        let first: UInt8
        let legal: Set<UInt8>
        let make: @Sendable (Acknowledgement) -> Packet

        var testDescription: String { self.name }
    }

    private static let ofMessages: Set<UInt8> = [0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]

    static let kinds = [
        Kind(name: "PUBACK", first: 0x40, legal: ofMessages) { .pubAck($0) },
        Kind(name: "PUBREC", first: 0x50, legal: ofMessages) { .pubRec($0) },
        Kind(name: "PUBREL", first: 0x62, legal: [0x00, 0x92]) { .pubRel($0) },
        Kind(name: "PUBCOMP", first: 0x70, legal: [0x00, 0x92]) { .pubComp($0) },
    ]

    @Test(
        .sends("5:MQTT-3.4.2-1", "5:MQTT-3.5.2-1", "5:MQTT-3.6.2-1", "5:MQTT-3.7.2-1"),
        .receives("5:MQTT-3.4.2-1", "5:MQTT-3.5.2-1", "5:MQTT-3.6.2-1", "5:MQTT-3.7.2-1"),
        arguments: Self.kinds
    )
    func `only the reason codes of the packet are read and written`(kind: Kind) {
        for code in UInt8.min...UInt8.max {
            let bytes = ByteBuffer(bytes: [kind.first, 3, 0, 1, code])
            let packet = kind.make(Acknowledgement(packetID: .first, reason: ReasonCode(rawValue: code)))
            let outcome = decode([bytes], .v5, .client)
            if kind.legal.contains(code) {
                #expect(outcome == Outcome(packets: [packet]))
                #expect(decode([bytes], .v5, .server) == outcome)
                #expect(throws: Never.self) { try encode(packet, .v5) }
            } else {
                #expect(outcome.error?.reason == .protocolError)
                expectRefused(packet, .v5, .invalidField)
            }
        }
    }

    @Test(.receives("U5-3.4.2.1-1"), arguments: Self.kinds)
    func `two, three and more bytes are legal in 5_0`(kind: Kind) {
        let success = Outcome(packets: [kind.make(Acknowledgement(packetID: id(2)))])
        for body in ["0002", "0002 00", "0002 00 00"] {
            #expect(decodeEveryWay(frame(kind.first, body), .v5, .client) == success)
        }
        let named = Acknowledgement(packetID: id(2), properties: [.userProperty(name: "a", value: "b")])
        let bytes = frame(kind.first, "0002 00 07 26 0001 'a' 0001 'b'")
        #expect(decodeEveryWay(bytes, .v5, .server) == Outcome(packets: [kind.make(named)]))
    }

    @Test(.sends("U5-3.4.2.1-1"), .receives("U5-3.4.2.1-1"), arguments: Self.kinds, ProtocolVersion.allCases)
    func `every identifier is read back in its shortest form`(kind: Kind, version: ProtocolVersion) throws {
        for number in [1, 2, 255, 256, 0x8000, 65_535] as [UInt16] {
            let packet = kind.make(Acknowledgement(packetID: id(number)))
            let bytes = try encode(packet, version)
            #expect(bytes == ByteBuffer(bytes: [kind.first, 2, UInt8(number >> 8), UInt8(number & 0xFF)]))
            #expect(decodeEveryWay(bytes, version, .client) == Outcome(packets: [packet]))
        }
    }

    @Test(arguments: Self.kinds)
    func `one that breaks a rule is refused`(kind: Kind) {
        let bodies: [(String, ProtocolVersion, ReasonCode)] = [
            ("", .v5, .malformedPacket), ("00", .v5, .malformedPacket), ("0000", .v5, .protocolError),
            ("0000", .v311, .protocolError), ("0000", .v31, .protocolError), ("0001 00", .v311, .malformedPacket),
            ("0001 00 00 00", .v5, .malformedPacket), ("0001 00 01", .v5, .malformedPacket),
            ("0001 00 02 0101", .v5, .malformedPacket),
        ]
        for (body, version, reason) in bodies {
            Refusal("\(kind.name) \(body)", version, .client, frame(kind.first, body), reason).check()
        }
    }

    @Test(arguments: Self.kinds)
    func `one that says more than 3_x can is not encoded`(kind: Kind) {
        for version in [ProtocolVersion.v31, .v311] {
            let failed = kind.make(Acknowledgement(packetID: .first, reason: .packetIdentifierNotFound))
            expectRefused(failed, version, .notInThisVersion)
            let named = kind.make(Acknowledgement(packetID: .first, properties: [.reasonString("")]))
            expectRefused(named, version, .notInThisVersion)
        }
    }
}
