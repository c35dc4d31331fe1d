// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@Suite struct ConnectTests {
    private static let head5 = "0004 'MQTT' 05"
    private static let head4 = "0004 'MQTT' 04"
    private static let head3 = "0006 'MQIsdp' 03"

    @Test(arguments: [
        Refusal("empty", .v5, .server, frame(0x10, ""), .malformedPacket),
        Refusal("other name", .v5, .server, frame(0x10, "0004 'MQTt' 05 02 003C 00 0000"), .unsupportedProtocolVersion),
        Refusal("empty name", .v5, .server, frame(0x10, "0000 05 02 003C 00 0000"), .unsupportedProtocolVersion),
        Refusal("level 6", .v5, .server, frame(0x10, "0004 'MQTT' 06 02 003C 00 0000"), .unsupportedProtocolVersion),
        Refusal(
            "level 3 of MQTT",
            .v5,
            .server,
            frame(0x10, "0004 'MQTT' 03 02 003C 0000"),
            .unsupportedProtocolVersion
        ),
        Refusal("level 5 of MQIsdp", .v5, .server, frame(0x10, "0006 'MQIsdp' 05 02"), .unsupportedProtocolVersion),
        Refusal("level of a bridge", .v5, .server, frame(0x10, "0004 'MQTT' 84 02"), .unsupportedProtocolVersion),
        Refusal("reserved flag", .v5, .server, frame(0x10, "\(head5) 03 003C 00 0000"), .malformedPacket),
        Refusal("reserved flag", .v311, .server, frame(0x10, "\(head4) 03 003C 0001 'a'"), .malformedPacket),
        Refusal("will QoS without a will", .v5, .server, frame(0x10, "\(head5) 0A 003C 00 0000"), .malformedPacket),
        Refusal("will QoS without a will", .v31, .server, frame(0x10, "\(head3) 12 003C 0000"), .malformedPacket),
        Refusal("will retain without a will", .v311, .server, frame(0x10, "\(head4) 22 003C 0000"), .malformedPacket),
        Refusal("will QoS 3", .v5, .server, frame(0x10, "\(head5) 1E 003C 00 0000 00 0001 'w' 0000"), .malformedPacket),
        Refusal("will QoS 3", .v311, .server, frame(0x10, "\(head4) 1E 003C 0000 0001 'w' 0000"), .malformedPacket),
        Refusal("no will payload", .v5, .server, frame(0x10, "\(head5) 06 003C 00 0000 00 0001 'w'"), .malformedPacket),
        Refusal("empty will topic", .v5, .server, frame(0x10, "\(head5) 06 003C 00 0000 00 0000 0000"), .protocolError),
        Refusal(
            "will topic #",
            .v5,
            .server,
            frame(0x10, "\(head5) 06 003C 00 0000 00 0001 '#' 0000"),
            .topicNameInvalid
        ),
        Refusal("lone password", .v311, .server, frame(0x10, "\(head4) 42 003C 0000 0000"), .malformedPacket),
        Refusal("lone password", .v31, .server, frame(0x10, "\(head3) 42 003C 0001 'a' 0000"), .malformedPacket),
        Refusal("no user name", .v311, .server, frame(0x10, "\(head4) 82 003C 0000"), .malformedPacket),
        Refusal("no password", .v5, .server, frame(0x10, "\(head5) C2 003C 00 0000 0000"), .malformedPacket),
        Refusal("no client identifier", .v5, .server, frame(0x10, "\(head5) 02 003C 00"), .malformedPacket),
        Refusal("no property length", .v5, .server, frame(0x10, "\(head5) 02 003C"), .malformedPacket),
        Refusal("something behind", .v5, .server, frame(0x10, "\(head5) 02 003C 00 0000 00"), .malformedPacket),
        Refusal("something behind", .v31, .server, frame(0x10, "\(head3) 02 003C 0001 'a' 00"), .malformedPacket),
        Refusal("data without method", .v5, .server, frame(0x10, "\(head5) 02 003C 04 16000100 0000"), .protocolError),
    ])
    func `a CONNECT that breaks a rule is refused`(refusal: Refusal) { refusal.check() }

    @Test(arguments: ProtocolVersion.allCases, ProtocolVersion.allCases)
    func `a server learns the version from CONNECT, whatever it expected`(
        expected: ProtocolVersion,
        version: ProtocolVersion
    ) throws {
        let connect = Packet.connect(Connect(clientID: "a"))
        let message = Packet.publish(Publish(topic: "t", payload: wire("00")))
        var bytes = try encode(connect, version)
        bytes.writeImmutableBuffer(try encode(message, version))
        #expect(decodeEveryWay(bytes, expected, .server) == Outcome(packets: [connect, message]))
        var decoder = PacketDecoder(version: expected, role: .server)
        var packets: [Packet] = []
        try decoder.decode(bytes, into: &packets)
        #expect(decoder.version == version)
    }

    @Test(arguments: ["82", "C2"])
    func `in 3_1 the length has precedence over the flags of user name and password`(flags: String) {
        let expected = Connect(clientID: "a", keepAlive: 60)
        let bytes = frame(0x10, "\(Self.head3) \(flags) 003C 0001 'a'")
        #expect(decodeEveryWay(bytes, .v31, .server) == Outcome(packets: [.connect(expected)]))
    }

    @Test func `in 3_1 the reserved flag says nothing`() {
        let bytes = frame(0x10, "\(Self.head3) 03 003C 0001 'a'")
        #expect(decodeEveryWay(bytes, .v31, .server) == Outcome(packets: [.connect(Connect(clientID: "a"))]))
    }

    @Test(
        .sends(
            "5:MQTT-3.1.2-9",
            "5:MQTT-3.1.2-16",
            "5:MQTT-3.1.2-17",
            "5:MQTT-3.1.2-18",
            "5:MQTT-3.1.2-19",
            "3.1.1:MQTT-3.1.2-9",
            "3.1.1:MQTT-3.1.2-18",
            "3.1.1:MQTT-3.1.2-19",
            "3.1.1:MQTT-3.1.2-20",
            "3.1.1:MQTT-3.1.2-21"
        ),
        arguments: ProtocolVersion.allCases
    )
    func `every combination of fields is read back`(version: ProtocolVersion) throws {
        let wills: [Will?] = [
            nil, Will(topic: "w", payload: wire("")),
            Will(topic: "w/ü", payload: wire("00FF"), qos: .exactlyOnce, retain: true),
        ]
        for will in wills {
            for (username, password) in [(nil, nil), ("", nil), ("u", wire("")), ("ü", wire("0001FF"))]
                as [(String?, ByteBuffer?)]
            {
                for cleanStart in [false, true] {
                    let packet = Packet.connect(
                        Connect(
                            clientID: "client",
                            cleanStart: cleanStart,
                            keepAlive: 0,
                            will: will,
                            username: username,
                            password: password
                        )
                    )
                    let outcome = decodeEveryWay(try encode(packet, version), version, .server)
                    #expect(outcome == Outcome(packets: [packet]))
                }
            }
        }
    }

    @Test(.sends("3.1.1:MQTT-3.1.2-22", "5:MQTT-3.1.3-11")) func `a CONNECT that cannot be sent is refused`() {
        let lonePassword = Packet.connect(Connect(clientID: "a", password: wire("00")))
        expectRefused(lonePassword, .v311, .notInThisVersion)
        expectRefused(lonePassword, .v31, .notInThisVersion)
        var will = Will(topic: "#", payload: wire(""))
        expectRefused(.connect(Connect(clientID: "", will: will)), .v5, .invalidTopic)
        will.topic = ""
        expectRefused(.connect(Connect(clientID: "", will: will)), .v311, .invalidTopic)
        will.topic = "t"
        will.payload = ByteBuffer(repeating: 0, count: 65_536)
        expectRefused(.connect(Connect(clientID: "", will: will)), .v5, .invalidField)
        will.payload.clear()
        will.properties = [.willDelayInterval(1)]
        expectRefused(.connect(Connect(clientID: "", will: will)), .v311, .notInThisVersion)
        will.properties = [.topicAlias(1)]
        expectRefused(.connect(Connect(clientID: "", will: will)), .v5, .invalidProperty)
        let password = ByteBuffer(repeating: 0, count: 65_536)
        expectRefused(.connect(Connect(clientID: "", username: "u", password: password)), .v5, .invalidField)
        expectRefused(.connect(Connect(clientID: "", properties: [.receiveMaximum(1)])), .v311, .notInThisVersion)
        expectRefused(
            .connect(Connect(clientID: "", properties: [.authenticationData(wire(""))])),
            .v5,
            .invalidProperty
        )
    }
}
