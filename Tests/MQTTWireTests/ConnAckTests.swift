// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@Suite struct ConnAckTests {
    /// MQTT 5.0, table 3-1.
    private static let legal: Set<UInt8> = [
        0x00, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8C, 0x90, 0x95, 0x97, 0x99, 0x9A,
        0x9B, 0x9C, 0x9D, 0x9F,
    ]

    @Test(.receives("5:MQTT-3.2.2-8")) func `only the connect reason codes are read and written`() {
        for code in UInt8.min...UInt8.max {
            let outcome = decode([ByteBuffer(bytes: [0x20, 3, 0, code, 0])], .v5, .client)
            let packet = Packet.connAck(ConnAck(reason: ReasonCode(rawValue: code)))
            if Self.legal.contains(code) {
                #expect(outcome == Outcome(packets: [packet]))
                #expect(throws: Never.self) { try encode(packet, .v5) }
            } else {
                #expect(outcome.error?.reason == .protocolError)
                expectRefused(packet, .v5, .invalidField)
            }
        }
    }

    @Test(.receives("3.1.1:MQTT-3.2.2-6"), arguments: [ProtocolVersion.v31, .v311])
    func `the five return codes are the reason codes of the same meaning`(version: ProtocolVersion) {
        let meanings: [ReasonCode] = [
            .success, .unsupportedProtocolVersion, .clientIdentifierNotValid, .serverUnavailable,
            .badUserNameOrPassword, .notAuthorized,
        ]
        for code in UInt8.min...UInt8.max {
            let outcome = decode([ByteBuffer(bytes: [0x20, 2, 0, code])], version, .client)
            if Int(code) < meanings.count {
                #expect(outcome == Outcome(packets: [.connAck(ConnAck(reason: meanings[Int(code)]))]))
            } else {
                #expect(outcome.error?.reason == .protocolError)
            }
        }
    }

    @Test(
        arguments: [
            (ReasonCode.serverBusy, 3), (.unspecifiedError, 3), (.useAnotherServer, 3), (.quotaExceeded, 3),
            (.banned, 5),
            (.badAuthenticationMethod, 5), (.qosNotSupported, 3),
        ] as [(ReasonCode, UInt8)]
    )
    func `a reason that 3_x has no code for becomes the nearest`(reason: ReasonCode, code: UInt8) throws {
        let bytes = try encode(.connAck(ConnAck(reason: reason)), .v311)
        #expect(bytes == ByteBuffer(bytes: [0x20, 2, 0, code]))
    }

    @Test(
        .receives("3.1.1:MQTT-3.2.2-4"),
        .receives("5:MQTT-2.2.2-1", "5:MQTT-3.2.2-1", "5:MQTT-3.2.2-6"),
        arguments: [
            Refusal("reserved flag", .v5, .client, frame(0x20, "02 00 00"), .malformedPacket),
            Refusal("reserved flag", .v311, .client, frame(0x20, "80 00"), .malformedPacket),
            Refusal("session at a refusal", .v5, .client, frame(0x20, "01 87 00"), .protocolError),
            Refusal("session at a refusal", .v311, .client, frame(0x20, "01 05"), .protocolError),
            Refusal("no property length", .v5, .client, frame(0x20, "00 00"), .malformedPacket),
            Refusal("no property length", .v5, .client, frame(0x20, "00 87"), .malformedPacket),
            Refusal("empty", .v5, .client, frame(0x20, ""), .malformedPacket),
            Refusal("something behind", .v5, .client, frame(0x20, "00 00 00 00"), .malformedPacket),
            Refusal("data without method", .v5, .client, frame(0x20, "00 00 03 160000"), .protocolError),
        ]
    )
    func `a CONNACK that breaks a rule is refused`(refusal: Refusal) { refusal.check() }

    @Test(.receives("5:MQTT-3.1.2-2")) func `a refusal of a server that knows only 3_x is read by a 5_0 client`() {
        let expected = Outcome(packets: [.connAck(ConnAck(reason: .unsupportedProtocolVersion))])
        #expect(decodeEveryWay(wire("20 02 00 01"), .v5, .client) == expected)
    }

    @Test func `in 3_1 the first byte is reserved`() throws {
        for flags in [0x00, 0x01, 0xFF] as [UInt8] {
            let outcome = decode([ByteBuffer(bytes: [0x20, 2, flags, 0])], .v31, .client)
            #expect(outcome == Outcome(packets: [.connAck(ConnAck())]))
        }
        #expect(try encode(.connAck(ConnAck(sessionPresent: true)), .v31) == wire("20 02 00 00"))
    }

    @Test func `a CONNACK that cannot be sent is refused`() {
        for version in ProtocolVersion.allCases {
            expectRefused(.connAck(ConnAck(sessionPresent: true, reason: .notAuthorized)), version, .invalidField)
        }
        expectRefused(.connAck(ConnAck(properties: [.serverKeepAlive(1)])), .v311, .notInThisVersion)
        expectRefused(.connAck(ConnAck(properties: [.maximumQoS(.exactlyOnce)])), .v5, .invalidProperty)
    }
}
