// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@Suite struct SubscribeTests {
    @Test(
        .receives("3.1.1:MQTT-3.8.3-4"),
        arguments: [
            Refusal("no filter", .v5, .server, frame(0x82, "0001 00"), .protocolError),
            Refusal("no filter", .v311, .server, frame(0x82, "0001"), .protocolError),
            Refusal("identifier 0", .v5, .server, frame(0x82, "0000 00 0001 'f' 00"), .protocolError),
            Refusal("identifier 0", .v31, .server, frame(0x82, "0000 0001 'f' 00"), .protocolError),
            Refusal("no options", .v5, .server, frame(0x82, "0001 00 0001 'f'"), .malformedPacket),
            Refusal("no second options", .v311, .server, frame(0x82, "0001 0001 'f' 00 0001 'g'"), .malformedPacket),
            Refusal("empty filter", .v5, .server, frame(0x82, "0001 00 0000 00"), .protocolError),
            Refusal("misplaced #", .v5, .server, frame(0x82, "0001 00 0002 'a#' 00"), .malformedPacket),
            Refusal("QoS 3", .v5, .server, frame(0x82, "0001 00 0001 'f' 03"), .protocolError),
            Refusal("QoS 3", .v311, .server, frame(0x82, "0001 0001 'f' 03"), .malformedPacket),
            Refusal("reserved bit 6", .v5, .server, frame(0x82, "0001 00 0001 'f' 40"), .malformedPacket),
            Refusal("reserved bit 7", .v5, .server, frame(0x82, "0001 00 0001 'f' 80"), .malformedPacket),
            Refusal("reserved bit 2", .v311, .server, frame(0x82, "0001 0001 'f' 04"), .malformedPacket),
            Refusal("retain handling 3", .v5, .server, frame(0x82, "0001 00 0001 'f' 30"), .protocolError),
            Refusal("No Local, shared", .v5, .server, frame(0x82, "0001 00 000A '$share/n/t' 04"), .protocolError),
            Refusal("identifier property 0", .v5, .server, frame(0x82, "0001 02 0B00 0001 'f' 00"), .protocolError),
        ]
    )
    func `a SUBSCRIBE that breaks a rule is refused`(refusal: Refusal) { refusal.check() }

    @Test(.sends("5:MQTT-3.8.3-5", "U5-3.8.3.1-1?")) func `every legal option byte is read back`() throws {
        for byte in UInt8.min...UInt8.max {
            let outcome = decode([frame(0x82, wire("0001 00 0001 'f'"), ByteBuffer(bytes: [byte]))], .v5, .server)
            let isLegal = byte & 0b11 != 3 && byte & 0xC0 == 0 && byte & 0x30 != 0x30
            #expect((outcome.error == nil) == isLegal)
            for packet in outcome.packets {
                #expect(try encode(packet, .v5) == frame(0x82, wire("0001 00 0001 'f'"), ByteBuffer(bytes: [byte])))
            }
        }
    }

    private static let badFilters = [
        "", "#a", "a#", "#/", "#/a", "a/#/b", "a/b#", "##", "+a", "a+", "a/+b", "a/b+/c", "++", "\0", "a/\0",
    ]

    @Test(
        .sends(
            "5:MQTT-4.7.1-1",
            "5:MQTT-4.7.1-2",
            "3.1.1:MQTT-4.7.1-2",
            "3.1.1:MQTT-4.7.1-3",
            "3.1.1:MQTT-4.7.3-1",
            "3.1.1:MQTT-4.7.3-2"
        ),
        arguments: Self.badFilters
    )
    func `a filter that breaks a rule is refused in both directions`(filter: String) {
        for version in ProtocolVersion.allCases {
            expectRefused(
                .subscribe(Subscribe(packetID: .first, entries: [.init(filter: filter)])),
                version,
                .invalidFilter
            )
            expectRefused(.unsubscribe(Unsubscribe(packetID: .first, filters: ["a", filter])), version, .invalidFilter)
            let start = version == .v5 ? wire("0001 00") : wire("0001")
            let bytes = field(Array(filter.utf8))
            #expect(decode([frame(0x82, start, bytes, wire("00"))], version, .server).error != nil)
            #expect(decode([frame(0xA2, start, bytes)], version, .server).error != nil)
        }
    }

    @Test(arguments: [
        "#", "+", "/", "a", "a/#", "+/+", "/+", "+/", "/#", "a/+/b/#", "$SYS/#", " ", "$share", "$shared/a",
    ])
    func `a filter is taken as it is`(filter: String) throws {
        for version in ProtocolVersion.allCases {
            let subscribe = Packet.subscribe(Subscribe(packetID: .first, entries: [.init(filter: filter)]))
            #expect(decodeEveryWay(try encode(subscribe, version), version, .server) == Outcome(packets: [subscribe]))
            let unsubscribe = Packet.unsubscribe(Unsubscribe(packetID: .first, filters: [filter]))
            #expect(
                decodeEveryWay(try encode(unsubscribe, version), version, .server) == Outcome(packets: [unsubscribe])
            )
        }
    }

    @Test(
        .sends("5:MQTT-4.8.2-1", "5:MQTT-4.8.2-2"),
        arguments: [
            "$share/", "$share//", "$share//a", "$share/n", "$share/n/", "$share/+/a", "$share/n#/a", "$share/#",
        ]
    )
    func `a shared subscription needs a name and a filter, in 5_0 only`(filter: String) throws {
        let packet = Packet.subscribe(Subscribe(packetID: .first, entries: [.init(filter: filter)]))
        expectRefused(packet, .v5, .invalidFilter)
        let bytes = frame(0x82, wire("0001 00"), field(Array(filter.utf8)), wire("00"))
        #expect(decode([bytes], .v5, .server).error?.reason == .malformedPacket)
    }

    @Test(.sends("5:MQTT-3.8.3-2", "5:MQTT-3.8.3-4", "3.1.1:MQTT-3.8.3-3", "3.1.1:MQTT-3.8.3-4"))
    func `a SUBSCRIBE that cannot be sent is refused`() {
        for version in ProtocolVersion.allCases {
            expectRefused(.subscribe(Subscribe(packetID: .first, entries: [])), version, .invalidFilter)
        }
        let options = [
            SubscriptionOptions(noLocal: true), SubscriptionOptions(retainAsPublished: true),
            SubscriptionOptions(retainHandling: .sendIfNew), SubscriptionOptions(retainHandling: .doNotSend),
        ]
        for option in options {
            let packet = Packet.subscribe(Subscribe(packetID: .first, entries: [.init(filter: "a", options: option)]))
            expectRefused(packet, .v311, .notInThisVersion)
        }
        let shared = Subscribe.Entry(filter: "$share/n/a", options: SubscriptionOptions(noLocal: true))
        expectRefused(.subscribe(Subscribe(packetID: .first, entries: [shared])), .v5, .invalidFilter)
    }
}

@Suite struct UnsubscribeTests {
    @Test(arguments: [
        Refusal("no filter", .v5, .server, frame(0xA2, "0001 00"), .protocolError),
        Refusal("no filter", .v311, .server, frame(0xA2, "0001"), .protocolError),
        Refusal("identifier 0", .v5, .server, frame(0xA2, "0000 00 0001 'f'"), .protocolError),
        Refusal("empty filter", .v31, .server, frame(0xA2, "0001 0000"), .protocolError),
        Refusal("half a filter", .v311, .server, frame(0xA2, "0001 0001 'f' 00"), .malformedPacket),
    ])
    func `an UNSUBSCRIBE that breaks a rule is refused`(refusal: Refusal) { refusal.check() }

    @Test(.sends("5:MQTT-3.10.3-2", "3.1.1:MQTT-3.10.3-2")) func `an UNSUBSCRIBE without filters is not sent`() {
        for version in ProtocolVersion.allCases {
            expectRefused(.unsubscribe(Unsubscribe(packetID: .first, filters: [])), version, .invalidFilter)
        }
    }
}

@Suite struct SubAckTests {
    private static let legal5: Set<UInt8> = [0, 1, 2, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2]

    @Test(.receives("3.1.1:MQTT-3.9.3-2"), .receives("5:MQTT-3.9.3-2"), arguments: ProtocolVersion.allCases)
    func `only the reason codes of the version are read`(version: ProtocolVersion) {
        let legal = version == .v5 ? Self.legal5 : [0, 1, 2, 0x80]
        for code in UInt8.min...UInt8.max {
            let start = version == .v5 ? wire("0001 00 00") : wire("0001 00")
            let outcome = decode([frame(0x90, start, ByteBuffer(bytes: [code]))], version, .client)
            if legal.contains(code) {
                let expected = SubAck(packetID: .first, reasons: [.grantedQoS0, ReasonCode(rawValue: code)])
                #expect(outcome == Outcome(packets: [.subAck(expected)]))
            } else {
                #expect(outcome.error?.reason == .protocolError)
                expectRefused(
                    .subAck(SubAck(packetID: .first, reasons: [ReasonCode(rawValue: code)])),
                    .v5,
                    .invalidField,
                    unless: Self.legal5.contains(code)
                )
            }
        }
    }

    @Test func `every failure is 0x80 before 5_0`() throws {
        for code in Self.legal5 where code >= 0x80 {
            let packet = Packet.subAck(SubAck(packetID: .first, reasons: [.grantedQoS1, ReasonCode(rawValue: code)]))
            #expect(try encode(packet, .v311) == wire("90 04 0001 01 80"))
        }
    }

    @Test(arguments: [
        Refusal("no codes", .v5, .client, frame(0x90, "0001 00"), .protocolError),
        Refusal("no codes", .v311, .client, frame(0x90, "0001"), .protocolError),
        Refusal("identifier 0", .v5, .client, frame(0x90, "0000 00 00"), .protocolError),
        Refusal("identifier 0", .v31, .client, frame(0x90, "0000 00"), .protocolError),
        Refusal("no property length", .v5, .client, frame(0x90, "0001"), .malformedPacket),
        Refusal("UNSUBACK, no codes", .v5, .client, frame(0xB0, "0001 00"), .protocolError),
        Refusal("UNSUBACK, identifier 0", .v311, .client, frame(0xB0, "0000"), .protocolError),
        Refusal("UNSUBACK, identifier 0", .v5, .client, frame(0xB0, "0000 00 00"), .protocolError),
    ])
    func `an answer that breaks a rule is refused`(refusal: Refusal) { refusal.check() }

    @Test(.receives("5:MQTT-3.11.3-2")) func `only the reason codes of UNSUBACK are read and written`() {
        let legal: Set<UInt8> = [0x00, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91]
        for code in UInt8.min...UInt8.max {
            let packet = Packet.unsubAck(UnsubAck(packetID: .first, reasons: [ReasonCode(rawValue: code)]))
            let outcome = decode([frame(0xB0, wire("0001 00"), ByteBuffer(bytes: [code]))], .v5, .client)
            if legal.contains(code) {
                #expect(outcome == Outcome(packets: [packet]))
                #expect(throws: Never.self) { try encode(packet, .v5) }
            } else {
                #expect(outcome.error?.reason == .protocolError)
                expectRefused(packet, .v5, .invalidField)
            }
        }
    }

    @Test func `an answer that cannot be sent is refused`() {
        for version in ProtocolVersion.allCases {
            expectRefused(.subAck(SubAck(packetID: .first, reasons: [])), version, .invalidField)
        }
        expectRefused(.unsubAck(UnsubAck(packetID: .first)), .v5, .invalidField)
        expectRefused(.unsubAck(UnsubAck(packetID: .first, reasons: [.success])), .v311, .notInThisVersion)
        expectRefused(
            .subAck(SubAck(packetID: .first, reasons: [.success], properties: [.reasonString("r")])),
            .v311,
            .notInThisVersion
        )
    }

    private func expectRefused(
        _ packet: Packet,
        _ version: ProtocolVersion,
        _ kind: EncodingError.Kind,
        unless isLegal: Bool = false
    ) {
        if !isLegal { MQTTWireTests.expectRefused(packet, version, kind) }
    }
}
