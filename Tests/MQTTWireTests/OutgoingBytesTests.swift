// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

/// What we send, taken apart by hand: nothing here is read by our own decoder.
@Suite struct OutgoingBytesTests {
    /// Every packet a client may send, in its forms.
    private static func packets(_ version: ProtocolVersion) -> [(packet: Packet, first: UInt8)] {
        let ack = Acknowledgement(packetID: .first)
        let entry = Subscribe.Entry(filter: "f", options: SubscriptionOptions(qos: .exactlyOnce))
        var packets: [(Packet, UInt8)] = [
            (.connect(Connect(clientID: "c")), 0x10), (.pubAck(ack), 0x40), (.pubRec(ack), 0x50),
            (.pubRel(ack), 0x62), (.pubComp(ack), 0x70),
            (.subscribe(Subscribe(packetID: .first, entries: [entry])), 0x82),
            (.unsubscribe(Unsubscribe(packetID: .first, filters: ["f"])), 0xA2), (.pingRequest, 0xC0),
            (.disconnect(Disconnect()), 0xE0),
        ]
        if version == .v5 {
            let named: Properties = [.userProperty(name: "a", value: "b")]
            let failed = Acknowledgement(packetID: .first, reason: .packetIdentifierNotFound, properties: named)
            packets += [
                (.auth(Auth(reason: .continueAuthentication, properties: [.authenticationMethod("m")])), 0xF0),
                (.disconnect(Disconnect(reason: .disconnectWithWill, properties: named)), 0xE0),
                (.pubRel(failed), 0x62), (.pubComp(failed), 0x70),
            ]
        }
        return packets
    }

    @Test(
        .sends("3.1.1:MQTT-3.14.1-1"),
        .sends(
            "5:MQTT-2.1.3-1",
            "5:MQTT-3.6.1-1",
            "5:MQTT-3.8.1-1",
            "5:MQTT-3.10.1-1",
            "5:MQTT-3.14.1-1",
            "5:MQTT-3.15.1-1"
        ),
        .sends("3.1.1:MQTT-2.2.2-1", "3.1.1:MQTT-2.2.2-2", "3.1.1:MQTT-3.6.1-1", "3.1.1:MQTT-3.8.1-1"),
        .sends("3.1.1:MQTT-3.10.1-1"),
        arguments: ProtocolVersion.allCases
    )
    func `the first byte of a packet has the flags of its type`(version: ProtocolVersion) throws {
        for (packet, first) in Self.packets(version) {
            let bytes = try encode(packet, version)
            #expect(bytes.getInteger(at: 0, as: UInt8.self) == first, "\(packet)")
        }
        // The short way of acknowledgements.
        for (kind, first) in [(PacketBurst.Kind.pubAck, 0x40), (.pubRec, 0x50), (.pubRel, 0x62), (.pubComp, 0x70)] {
            var buffer = ByteBuffer()
            PacketEncoder.encodePlain(kind, id(0x0203), into: &buffer)
            #expect(Array(buffer.readableBytesView) == [UInt8(first), 2, 2, 3])
        }
    }

    @Test(
        .sends("5:MQTT-3.3.1-2", "5:MQTT-3.3.1-4", "5:MQTT-4.3.1-1", "5:MQTT-4.3.2-2", "5:MQTT-4.3.3-2"),
        .sends("5:MQTT-2.2.1-2", "U5-3.3.1.2-1", "3.1.1:MQTT-3.3.1-2", "3.1.1:MQTT-3.3.1-4", "3.1.1:MQTT-2.3.1-5"),
        arguments: ProtocolVersion.allCases,
        QoS.allCases
    )
    func `the flags of PUBLISH are its QoS, DUP and RETAIN, and an identifier comes with a QoS`(
        version: ProtocolVersion,
        qos: QoS
    ) throws {
        for (retain, duplicate) in [(false, false), (true, false), (false, true), (true, true)] {
            let payload = ByteBuffer(bytes: [0xAA])
            let message = OutgoingMessage(topic: "t", payload: payload, qos: qos, retain: retain)
            let frame = try PublishFrame(message, version: version)
            var buffer = ByteBuffer()
            frame.write(packetID: qos == .atMostOnce ? nil : id(0x0203), duplicate: duplicate, into: &buffer)
            let bits: UInt8 = [0b000, 0b010, 0b100][Int(qos.rawValue)]
            let isRepeat = duplicate && qos != .atMostOnce
            let first = 0x30 | bits | (retain ? 1 : 0) | (isRepeat ? 0b1000 : 0)
            var body: [UInt8] = [0, 1, UInt8(ascii: "t")]
            if qos != .atMostOnce { body += [2, 3] }
            if version == .v5 { body.append(0) }
            body.append(0xAA)
            #expect(Array(buffer.readableBytesView) == [first, UInt8(body.count)] + body)
        }
        #expect(QoS(rawValue: 3) == nil)
    }

    /// The fields of a CONNECT behind its variable header.
    private struct Fields {
        var flags: UInt8 = 0
        var values: [[UInt8]] = []
        var willProperties: [UInt8]?

        /// Takes the bytes apart: properties are all shorter than 128 bytes here.
        init(_ bytes: [UInt8], _ version: ProtocolVersion) {
            var rest = bytes.dropFirst(2)
            func take(_ count: Int) -> [UInt8] {
                defer { rest = rest.dropFirst(count) }
                return Array(rest.prefix(count))
            }
            func field() -> [UInt8] {
                let length = take(2)
                return take(Int(length[0]) << 8 | Int(length[1]))
            }
            #expect(field() == Array(version == .v31 ? "MQIsdp".utf8 : "MQTT".utf8))
            #expect(take(1) == [version == .v31 ? 3 : version == .v311 ? 4 : 5])
            self.flags = take(1)[0]
            _ = take(2)
            if version == .v5 { _ = take(Int(take(1)[0])) }
            self.values.append(field())
            if self.flags & 0b100 != 0, version == .v5 { self.willProperties = take(Int(take(1)[0])) }
            while !rest.isEmpty { self.values.append(field()) }
        }
    }

    private static let wills: [Will?] =
        [nil]
        + QoS.allCases.flatMap { qos in
            [false, true].map { Will(topic: "w", payload: ByteBuffer(bytes: [1, 2]), qos: qos, retain: $0) }
        }

    @Test(
        .sends("5:MQTT-3.1.2-9", "5:MQTT-3.1.2-11", "5:MQTT-3.1.2-12", "5:MQTT-3.1.2-13", "5:MQTT-3.1.2-16"),
        .sends("5:MQTT-3.1.2-17", "5:MQTT-3.1.2-18", "5:MQTT-3.1.2-19", "5:MQTT-3.1.3-1", "5:MQTT-3.1.3-3"),
        .sends("5:MQTT-3.1.2-1", "5:MQTT-3.1.2-3", "U5-3.1.2.6-1", "3.1.1:MQTT-3.1.2-1", "3.1.1:MQTT-3.1.2-3"),
        .sends("3.1.1:MQTT-3.1.2-9", "3.1.1:MQTT-3.1.2-11", "3.1.1:MQTT-3.1.2-13", "3.1.1:MQTT-3.1.2-14"),
        .sends("3.1.1:MQTT-3.1.2-15", "3.1.1:MQTT-3.1.2-18", "3.1.1:MQTT-3.1.2-19", "3.1.1:MQTT-3.1.2-20"),
        .sends("3.1.1:MQTT-3.1.2-21", "3.1.1:MQTT-3.1.3-1", "3.1.1:MQTT-3.1.3-3"),
        arguments: ProtocolVersion.allCases
    )
    func `the flags of CONNECT say what follows, and it follows in its order`(version: ProtocolVersion) throws {
        let credentials: [(String?, [UInt8]?)] = [(nil, nil), ("", nil), ("u", []), ("u", [0xFF]), (nil, [0xFF])]
        for clientID in ["", "client"] {
            for var will in Self.wills {
                if version == .v5 { will?.properties = [.willDelayInterval(5)] }
                for (username, password) in credentials where username != nil || password == nil || version == .v5 {
                    let connect = Connect(
                        clientID: clientID,
                        cleanStart: true,
                        will: will,
                        username: username,
                        password: password.map { ByteBuffer(bytes: $0) }
                    )
                    let fields = Fields(Array(try encode(.connect(connect), version).readableBytesView), version)
                    var flags: UInt8 = 0b10
                    var values = [Array(clientID.utf8)]
                    if let will {
                        flags |= 0b100 | will.qos.rawValue << 3 | (will.retain ? 0b10_0000 : 0)
                        values += [Array("w".utf8), [1, 2]]
                    }
                    if let username { (flags, values) = (flags | 0x80, values + [Array(username.utf8)]) }
                    if let password { (flags, values) = (flags | 0x40, values + [password]) }
                    #expect(fields.flags == flags)
                    #expect(fields.values == values)
                    #expect(fields.willProperties == (will != nil && version == .v5 ? [0x18, 0, 0, 0, 5] : nil))
                }
            }
        }
    }

    @Test(.sends("5:MQTT-1.5.4-1", "3.1.1:MQTT-1.5.3-1"), arguments: StringTests.places)
    func `whatever a String was made of, what is written is UTF-8`(place: StringTests.Place) throws {
        let texts: [(String, [UInt8])] = [
            (String(decoding: [0x61, 0x80] as [UInt8], as: UTF8.self), [0x61, 0xEF, 0xBF, 0xBD]),
            (String(decoding: [0xD800, 0x61] as [UInt16], as: UTF16.self), [0xEF, 0xBF, 0xBD, 0x61]),
            (String(decoding: [0x61, 0xDC00] as [UInt16], as: UTF16.self), [0x61, 0xEF, 0xBF, 0xBD]),
            (String(decoding: [0xD83D, 0xDE00] as [UInt16], as: UTF16.self), [0xF0, 0x9F, 0x98, 0x80]),
        ]
        for (text, bytes) in texts { #expect(try encode(place.make(text), .v5) == place.bytes(bytes)) }
    }
}
