// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

/// Each property in each packet, from a table written by hand after MQTT 5.0, table 2-4.
@Suite struct PropertyRulesTests {
    enum Place: String, CaseIterable, Sendable {
        case connect, will, connAck, publish, pubAck, pubRec, pubRel, pubComp, subscribe, subAck, unsubscribe
        case unsubAck, disconnect, auth

        /// The ends that read such a packet.
        var roles: [PacketDecoder.Role] {
            switch self {
            case .connect, .will, .subscribe, .unsubscribe: [.server]
            case .connAck, .subAck, .unsubAck: [.client]
            default: [.client, .server]
            }
        }

        /// A packet with the block given, its length included.
        func bytes(_ block: ByteBuffer) -> ByteBuffer {
            switch self {
            case .connect: frame(0x10, wire("0004 'MQTT' 05 02 003C"), block, wire("0001 'c'"))
            case .will: frame(0x10, wire("0004 'MQTT' 05 06 003C 00 0001 'c'"), block, wire("0001 'w' 0000"))
            case .connAck: frame(0x20, wire("00 00"), block)
            case .publish: frame(0x30, wire("0001 't'"), block)
            case .pubAck: frame(0x40, wire("0001 00"), block)
            case .pubRec: frame(0x50, wire("0001 00"), block)
            case .pubRel: frame(0x62, wire("0001 00"), block)
            case .pubComp: frame(0x70, wire("0001 00"), block)
            case .subscribe: frame(0x82, wire("0001"), block, wire("0001 'f' 00"))
            case .subAck: frame(0x90, wire("0001"), block, wire("00"))
            case .unsubscribe: frame(0xA2, wire("0001"), block, wire("0001 'f'"))
            case .unsubAck: frame(0xB0, wire("0001"), block, wire("00"))
            case .disconnect: frame(0xE0, wire("00"), block)
            case .auth: frame(0xF0, wire("18"), block)
            }
        }

        /// A packet to encode.
        func packet(_ properties: Properties) -> Packet {
            let ack = Acknowledgement(packetID: .first, properties: properties)
            switch self {
            case .connect: return .connect(Connect(clientID: "c", properties: properties))
            case .will:
                let will = Will(topic: "w", payload: wire(""), qos: .atMostOnce, retain: false, properties: properties)
                return .connect(Connect(clientID: "c", will: will))
            case .connAck: return .connAck(ConnAck(properties: properties))
            case .publish: return .publish(Publish(topic: "t", payload: wire(""), properties: properties))
            case .pubAck: return .pubAck(ack)
            case .pubRec: return .pubRec(ack)
            case .pubRel: return .pubRel(ack)
            case .pubComp: return .pubComp(ack)
            case .subscribe:
                return .subscribe(Subscribe(packetID: .first, entries: [.init(filter: "f")], properties: properties))
            case .subAck: return .subAck(SubAck(packetID: .first, reasons: [.success], properties: properties))
            case .unsubscribe:
                return .unsubscribe(Unsubscribe(packetID: .first, filters: ["f"], properties: properties))
            case .unsubAck: return .unsubAck(UnsubAck(packetID: .first, reasons: [.success], properties: properties))
            case .disconnect: return .disconnect(Disconnect(properties: properties))
            case .auth: return .auth(Auth(reason: .continueAuthentication, properties: properties))
            }
        }
    }

    /// A property: its bytes, its value, where it may be, and values of its type that are out of range.
    struct Row: Sendable, CustomTestStringConvertible {
        let bytes: ByteBuffer
        let property: Property
        let places: Set<Place>
        let outOfRange: [(bytes: String, reason: ReasonCode)]
        let unsendable: [Property]

        init(
            _ bytes: String,
            _ property: Property,
            _ places: Set<Place>,
            outOfRange: [String] = [],
            reason: ReasonCode = .protocolError,
            unsendable: [Property] = []
        ) {
            self.bytes = wire(bytes)
            self.property = property
            self.places = places
            self.outOfRange = outOfRange.map { ($0, reason) }
            self.unsendable = unsendable
        }

        var testDescription: String { "\(self.property)" }
    }

    private static let message: Set<Place> = [.publish, .will]
    private static let session: Set<Place> = [.connect, .connAck]
    private static let authentication: Set<Place> = [.connect, .connAck, .auth]
    private static let answers: Set<Place> = [
        .connAck, .pubAck, .pubRec, .pubRel, .pubComp, .subAck, .unsubAck, .disconnect, .auth,
    ]
    private static let flag = ["02", "FF"]

    static let rows = [
        Row("01 01", .payloadFormatIndicator(.utf8), message, outOfRange: ["01 02", "01 FF"]),
        Row("02 00000001", .messageExpiryInterval(1), message),
        Row("03 0001 'c'", .contentType("c"), message),
        Row(
            "08 0001 'r'",
            .responseTopic("r"),
            message,
            outOfRange: ["08 0001 '+'", "08 0000"],
            unsendable: [.responseTopic("#"), .responseTopic("")]
        ),
        Row("09 0002 00FF", .correlationData(wire("00FF")), message),
        Row(
            "0B 8001",
            .subscriptionIdentifier(128),
            [.publish, .subscribe],
            outOfRange: ["0B 00"],
            unsendable: [
                .subscriptionIdentifier(0), .subscriptionIdentifier(268_435_456), .subscriptionIdentifier(.max),
            ]
        ),
        Row("11 FFFFFFFF", .sessionExpiryInterval(.max), [.connect, .connAck, .disconnect]),
        Row("12 0001 'i'", .assignedClientIdentifier("i"), [.connAck]),
        Row("13 0000", .serverKeepAlive(0), [.connAck]),
        Row("15 0001 'm'", .authenticationMethod("m"), authentication),
        Row("16 0001 00", .authenticationData(wire("00")), authentication),
        Row("17 00", .requestProblemInformation(false), [.connect], outOfRange: flag.map { "17 " + $0 }),
        Row("18 00000000", .willDelayInterval(0), [.will]),
        Row("19 01", .requestResponseInformation(true), [.connect], outOfRange: flag.map { "19 " + $0 }),
        Row("1A 0001 'r'", .responseInformation("r"), [.connAck]),
        Row("1C 0001 's'", .serverReference("s"), [.connAck, .disconnect]),
        Row("1F 0001 'r'", .reasonString("r"), answers),
        Row("21 0001", .receiveMaximum(1), session, outOfRange: ["21 0000"], unsendable: [.receiveMaximum(0)]),
        Row("22 0000", .topicAliasMaximum(0), session),
        Row(
            "23 FFFF",
            .topicAlias(65_535),
            [.publish],
            outOfRange: ["23 0000"],
            reason: .topicAliasInvalid,
            unsendable: [.topicAlias(0)]
        ),
        Row(
            "24 01",
            .maximumQoS(.atLeastOnce),
            [.connAck],
            outOfRange: ["24 02", "24 03"],
            unsendable: [.maximumQoS(.exactlyOnce)]
        ),
        Row("25 00", .retainAvailable(false), [.connAck], outOfRange: flag.map { "25 " + $0 }),
        Row("26 0001 'n' 0001 'v'", .userProperty(name: "n", value: "v"), Set(Place.allCases)),
        Row(
            "27 00000001",
            .maximumPacketSize(1),
            session,
            outOfRange: ["27 00000000"],
            unsendable: [.maximumPacketSize(0)]
        ),
        Row("28 01", .wildcardSubscriptionAvailable(true), [.connAck], outOfRange: flag.map { "28 " + $0 }),
        Row("29 01", .subscriptionIdentifierAvailable(true), [.connAck], outOfRange: flag.map { "29 " + $0 }),
        Row("2A 00", .sharedSubscriptionAvailable(false), [.connAck], outOfRange: flag.map { "2A " + $0 }),
    ]

    /// A block of properties with its length; what the place or the property needs besides comes first.
    private func block(_ place: Place, _ row: Row, _ values: ByteBuffer..., extraLength: Int = 0) -> ByteBuffer {
        var content = self.needsMethod(place, row) ? wire("15 0001 'm'") : ByteBuffer()
        for value in values { content.writeImmutableBuffer(value) }
        var block = ByteBuffer(bytes: [UInt8(content.readableBytes + extraLength)])
        block.writeImmutableBuffer(content)
        return block
    }

    private func properties(_ place: Place, _ row: Row, _ values: Property...) -> Properties {
        Properties((self.needsMethod(place, row) ? [.authenticationMethod("m")] : []) + values)
    }

    private func needsMethod(_ place: Place, _ row: Row) -> Bool {
        if case .authenticationMethod = row.property { return false }
        if case .authenticationData = row.property { return row.places.contains(place) }
        return place == .auth
    }

    /// What the direction alone forbids.
    private func isFromWrongEnd(_ place: Place, _ property: Property, _ role: PacketDecoder.Role) -> Bool {
        switch (place, property, role) {
        case (.publish, .subscriptionIdentifier, .server), (.disconnect, .sessionExpiryInterval, .client),
            (.disconnect, .serverReference, .server):
            true
        default: false
        }
    }

    @Test func `the table has all 27`() {
        #expect(Set(Self.rows.map { $0.bytes.getInteger(at: 0, as: UInt8.self) }).count == 27)
    }

    @Test(
        .sends("U5-2.2.2.2-1?", "U5-2.2.2.2-3?"),
        .receives("U5-2.2.2.2-1?", "5:MQTT-3.14.2-2"),
        arguments: Self.rows,
        Place.allCases
    )
    func `attack property confusion: a property is read where it may be and refused everywhere else`(
        row: Row,
        place: Place
    ) throws {
        for role in place.roles {
            let bytes = place.bytes(self.block(place, row, row.bytes))
            let outcome = decodeEveryWay(bytes, .v5, role)
            if !row.places.contains(place) {
                #expect(outcome.error?.reason == .malformedPacket)
            } else if self.isFromWrongEnd(place, row.property, role) {
                #expect(outcome.error?.reason == .protocolError)
            } else {
                let packet = place.packet(self.properties(place, row, row.property))
                #expect(outcome == Outcome(packets: [packet]))
                #expect(try encode(packet, .v5) == bytes)
            }
        }
        if !row.places.contains(place) {
            expectRefused(place.packet(self.properties(place, row, row.property)), .v5, .invalidProperty)
        }
    }

    @Test(
        .sends(
            "U5-3.1.2.11.2-1",
            "U5-3.1.2.11.3-1",
            "U5-3.1.2.11.4-1",
            "U5-3.1.2.11.6-1",
            "U5-3.1.2.11.7-1",
            "U5-3.1.3.2.2-1",
            "U5-3.8.2.1.2-1?",
            "U5-3.3.2.3-1",
            "U5-3.3.2.3.8-1"
        ),
        .receives("U5-3.1.2.11.2-1", "U5-3.2.2.3-1", "U5-3.2.2.3.14-1", "U5-3.3.2.3-1", "U5-3.3.2.3.8-1"),
        arguments: Self.rows
    )
    func `only user properties and a server's subscription identifiers may be repeated`(row: Row) throws {
        for place in row.places {
            for role in place.roles where !self.isFromWrongEnd(place, row.property, role) {
                let bytes = place.bytes(self.block(place, row, row.bytes, row.bytes))
                let packet = place.packet(self.properties(place, row, row.property, row.property))
                let mayRepeat =
                    switch row.property {
                    case .userProperty: true
                    case .subscriptionIdentifier: place == .publish
                    default: false
                    }
                if mayRepeat {
                    #expect(decodeEveryWay(bytes, .v5, role) == Outcome(packets: [packet]))
                    #expect(try encode(packet, .v5) == bytes)
                } else {
                    #expect(decodeEveryWay(bytes, .v5, role).error?.reason == .protocolError)
                    expectRefused(packet, .v5, .invalidProperty)
                }
            }
        }
    }

    @Test(
        .sends("5:MQTT-3.3.2-14", "U5-3.1.2.11.3-1", "U5-3.1.2.11.4-1", "U5-3.3.2.3.8-1", "U5-3.8.2.1.2-1?"),
        .receives(
            "5:MQTT-3.2.2-9",
            "5:MQTT-3.3.2-14",
            "5:MQTT-4.9.0-1",
            "U5-3.2.2.3.3-1",
            "U5-3.2.2.3.4-1",
            "U5-3.2.2.3.5-1",
            "U5-3.2.2.3.6-1",
            "U5-3.3.2.3.8-1"
        ),
        arguments: Self.rows
    )
    func `a value out of range is refused in both directions`(row: Row) {
        for place in row.places {
            for role in place.roles where !self.isFromWrongEnd(place, row.property, role) {
                for value in row.outOfRange {
                    let outcome = decodeEveryWay(place.bytes(self.block(place, row, wire(value.bytes))), .v5, role)
                    #expect(outcome.error?.reason == value.reason)
                    #expect(outcome.packets.isEmpty)
                }
            }
            for property in row.unsendable {
                expectRefused(place.packet(self.properties(place, row, property)), .v5, .invalidProperty)
            }
        }
    }

    @Test(.receives("U5-2.2.2.2-3?"), arguments: Self.rows)
    func `a value that is cut short or goes beyond its block is malformed`(row: Row) throws {
        for place in row.places {
            for role in place.roles where !self.isFromWrongEnd(place, row.property, role) {
                for length in 1..<row.bytes.readableBytes {
                    let cut = try #require(row.bytes.getSlice(at: 0, length: length))
                    // Cut, with the block's length true; and with the block going on into what follows it.
                    let short = place.bytes(self.block(place, row, cut))
                    #expect(decode([short], .v5, role).error?.reason == .malformedPacket)
                }
                let early = place.bytes(self.block(place, row, row.bytes, extraLength: -1))
                #expect(decodeEveryWay(early, .v5, role).error != nil)
                let late = place.bytes(self.block(place, row, row.bytes, extraLength: 1))
                #expect(decodeEveryWay(late, .v5, role).error != nil)
            }
        }
    }

    @Test(.receives("U5-2.2.2.2-2?"), arguments: Place.allCases)
    func `an unknown identifier is malformed`(place: Place) {
        let known = Set(Self.rows.compactMap { $0.bytes.getInteger(at: 0, as: UInt8.self) })
        for identifier in UInt8.min...UInt8.max where !known.contains(identifier) {
            let block = ByteBuffer(bytes: [5, identifier, 0, 0, 0, 0])
            for role in place.roles {
                #expect(decode([place.bytes(block)], .v5, role).error?.reason == .malformedPacket)
            }
        }
    }

    @Test(arguments: Place.allCases)
    func `properties are not sent before 5_0`(place: Place) {
        for version in [ProtocolVersion.v31, .v311] {
            expectRefused(place.packet([.userProperty(name: "n", value: "v")]), version, .notInThisVersion)
        }
    }
}
