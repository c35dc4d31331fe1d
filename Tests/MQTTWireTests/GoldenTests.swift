// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

/// Exact bytes, written by hand from the standard, in both directions.
@Suite struct GoldenTests {
    static let connection: [Golden] = [
        Golden(.v5, .server, .connect(Connect(clientID: "")), "10 0D 0004 'MQTT' 05 02 003C 00 0000"),
        Golden(.v311, .server, .connect(Connect(clientID: "a")), "10 0D 0004 'MQTT' 04 02 003C 0001 'a'"),
        Golden(.v31, .server, .connect(Connect(clientID: "a")), "10 0F 0006 'MQIsdp' 03 02 003C 0001 'a'"),
        Golden(
            .v5,
            .server,
            .connect(
                Connect(
                    clientID: "c",
                    cleanStart: false,
                    keepAlive: 1,
                    will: Will(
                        topic: "w",
                        payload: wire("0102"),
                        qos: .exactlyOnce,
                        retain: true,
                        properties: [.willDelayInterval(5)]
                    ),
                    username: "u",
                    password: wire("FF"),
                    properties: [.receiveMaximum(7)]
                )
            ),
            "10 24 0004 'MQTT' 05 F4 0001 03 210007 0001 'c' 05 1800000005 0001 'w' 0002 0102 0001 'u' 0001 FF"
        ),
        Golden(
            .v311,
            .server,
            .connect(
                Connect(
                    clientID: "c",
                    cleanStart: false,
                    keepAlive: 65_535,
                    will: Will(topic: "w", payload: wire("01"), qos: .atLeastOnce),
                    username: "",
                    password: wire("")
                )
            ),
            "10 17 0004 'MQTT' 04 CC FFFF 0001 'c' 0001 'w' 0001 01 0000 0000"
        ),
        Golden(
            .v5,
            .server,
            .connect(Connect(clientID: "", password: wire("41"))),
            "10 10 0004 'MQTT' 05 42 003C 00 0000 0001 41"
        ),
        Golden(.v5, .client, .connAck(ConnAck()), "20 03 00 00 00"),
        Golden(.v5, .client, .connAck(ConnAck(sessionPresent: true)), "20 03 01 00 00"),
        Golden(.v5, .client, .connAck(ConnAck(reason: .notAuthorized)), "20 03 00 87 00"),
        Golden(.v311, .client, .connAck(ConnAck(sessionPresent: true)), "20 02 01 00"),
        Golden(.v311, .client, .connAck(ConnAck(reason: .unsupportedProtocolVersion)), "20 02 00 01"),
        Golden(.v311, .client, .connAck(ConnAck(reason: .clientIdentifierNotValid)), "20 02 00 02"),
        Golden(.v31, .client, .connAck(ConnAck(reason: .serverUnavailable)), "20 02 00 03"),
        Golden(.v31, .client, .connAck(ConnAck(reason: .badUserNameOrPassword)), "20 02 00 04"),
        Golden(.v31, .client, .connAck(ConnAck(reason: .notAuthorized)), "20 02 00 05"),
        Golden(.v5, .server, .pingRequest, "C0 00"),
        Golden(.v31, .client, .pingResponse, "D0 00"),
        Golden(.v5, .client, .disconnect(Disconnect()), "E0 00"),
        Golden(.v311, .server, .disconnect(Disconnect()), "E0 00"),
        Golden(.v5, .server, .disconnect(Disconnect(reason: .disconnectWithWill)), "E0 01 04"),
        Golden(
            .v5,
            .server,
            .disconnect(Disconnect(properties: [.sessionExpiryInterval(1)])),
            "E0 07 00 05 1100000001"
        ),
        Golden(.v5, .client, .auth(Auth()), "F0 00"),
        Golden(
            .v5,
            .client,
            .auth(Auth(reason: .continueAuthentication, properties: [.authenticationMethod("m")])),
            "F0 06 18 04 150001 'm'"
        ),
    ]

    static let messages: [Golden] = [
        Golden(.v311, .client, .publish(Publish(topic: "t", payload: wire("01"))), "30 04 0001 't' 01"),
        Golden(.v5, .client, .publish(Publish(topic: "t", payload: wire("01"))), "30 05 0001 't' 00 01"),
        Golden(.v5, .server, .publish(Publish(topic: "t", payload: wire(""))), "30 04 0001 't' 00"),
        Golden(
            .v311,
            .server,
            .publish(Publish(topic: "t", payload: wire(""), qos: .atLeastOnce, retain: true, packetID: id(10))),
            "33 05 0001 't' 000A"
        ),
        Golden(
            .v5,
            .client,
            .publish(
                Publish(topic: "t", payload: wire("AA"), qos: .exactlyOnce, duplicate: true, packetID: id(65_535))
            ),
            "3C 07 0001 't' FFFF 00 AA"
        ),
        Golden(
            .v5,
            .client,
            .publish(Publish(topic: "", payload: wire("AA"), properties: [.topicAlias(3)])),
            "30 07 0000 03 230003 AA"
        ),
        Golden(
            .v5,
            .client,
            .publish(
                Publish(
                    topic: "t",
                    payload: wire("AA"),
                    qos: .atLeastOnce,
                    packetID: id(1),
                    properties: [.subscriptionIdentifier(1), .subscriptionIdentifier(300)]
                )
            ),
            "32 0C 0001 't' 0001 05 0B01 0BAC02 AA"
        ),
        Golden(.v5, .client, .pubAck(Acknowledgement(packetID: id(0x1234))), "40 02 1234"),
        Golden(.v311, .server, .pubRec(Acknowledgement(packetID: id(0x1234))), "50 02 1234"),
        Golden(.v31, .client, .pubRel(Acknowledgement(packetID: id(0x1234))), "62 02 1234"),
        Golden(.v5, .server, .pubComp(Acknowledgement(packetID: id(0x1234))), "70 02 1234"),
        Golden(
            .v5,
            .client,
            .pubAck(Acknowledgement(packetID: id(1), reason: .noMatchingSubscribers)),
            "40 03 0001 10"
        ),
        Golden(
            .v5,
            .client,
            .pubRel(Acknowledgement(packetID: id(1), reason: .packetIdentifierNotFound)),
            "62 03 0001 92"
        ),
        Golden(
            .v5,
            .client,
            .pubRec(Acknowledgement(packetID: id(1), properties: [.reasonString("r")])),
            "50 08 0001 00 04 1F0001 'r'"
        ),
    ]

    static let subscriptions: [Golden] = [
        Golden(
            .v5,
            .server,
            .subscribe(
                Subscribe(
                    packetID: id(1),
                    entries: [
                        Subscribe.Entry(
                            filter: "a/#",
                            options: SubscriptionOptions(
                                qos: .exactlyOnce,
                                noLocal: true,
                                retainAsPublished: true,
                                retainHandling: .doNotSend
                            )
                        ),
                        Subscribe.Entry(filter: "+", options: SubscriptionOptions(qos: .atLeastOnce)),
                    ],
                    properties: [.subscriptionIdentifier(268_435_455)]
                )
            ),
            "82 12 0001 05 0BFFFFFF7F 0003 'a/#' 2E 0001 '+' 01"
        ),
        Golden(
            .v311,
            .server,
            .subscribe(
                Subscribe(
                    packetID: id(1),
                    entries: [Subscribe.Entry(filter: "$share//", options: SubscriptionOptions(qos: .exactlyOnce))]
                )
            ),
            "82 0D 0001 0008 '$share//' 02"
        ),
        Golden(
            .v5,
            .client,
            .subAck(SubAck(packetID: id(2), reasons: [.grantedQoS0, .grantedQoS2, .notAuthorized])),
            "90 06 0002 00 00 02 87"
        ),
        Golden(
            .v311,
            .client,
            .subAck(SubAck(packetID: id(2), reasons: [.grantedQoS1, .unspecifiedError])),
            "90 04 0002 01 80"
        ),
        Golden(
            .v5,
            .server,
            .unsubscribe(Unsubscribe(packetID: id(3), filters: ["a", "b"])),
            "A2 09 0003 00 0001 'a' 0001 'b'"
        ),
        Golden(.v31, .server, .unsubscribe(Unsubscribe(packetID: id(3), filters: ["a"])), "A2 05 0003 0001 'a'"),
        Golden(
            .v5,
            .client,
            .unsubAck(UnsubAck(packetID: id(3), reasons: [.success, .noSubscriptionExisted])),
            "B0 05 0003 00 00 11"
        ),
        Golden(.v311, .client, .unsubAck(UnsubAck(packetID: id(3))), "B0 02 0003"),
    ]

    @Test(
        .sends(
            "5:MQTT-2.2.2-1",
            "5:MQTT-3.1.2-1",
            "5:MQTT-3.1.2-9",
            "5:MQTT-3.1.3-1",
            "5:MQTT-3.1.3-3",
            "5:MQTT-3.14.1-1",
            "5:MQTT-3.15.1-1",
            "3.1.1:MQTT-3.1.3-1",
            "3.1.1:MQTT-3.1.2-9",
            "U5-3.14.2.1-1?"
        ),
        .receives("5:MQTT-2.2.2-1"),
        arguments: Self.connection
    )
    func `packets of a connection have these bytes`(golden: Golden) throws { try golden.check() }

    @Test(
        .sends(
            "5:MQTT-2.2.1-2",
            "5:MQTT-2.2.2-1",
            "5:MQTT-3.3.2-1",
            "5:MQTT-3.6.1-1",
            "3.1.1:MQTT-2.3.1-5",
            "3.1.1:MQTT-3.3.2-1"
        ),
        .receives("5:MQTT-2.2.1-2", "U5-3.3.2.3.8-1"),
        arguments: Self.messages
    )
    func `messages and their acknowledgements have these bytes`(golden: Golden) throws { try golden.check() }

    @Test(
        .sends(
            "5:MQTT-2.2.2-1",
            "5:MQTT-3.8.1-1",
            "5:MQTT-3.10.1-1",
            "5:MQTT-3.8.3-5",
            "3.1.1:MQTT-3.8.1-1",
            "3.1.1:MQTT-3.10.1-1"
        ),
        .receives("5:MQTT-2.2.2-1"),
        arguments: Self.subscriptions
    )
    func `subscriptions and their acknowledgements have these bytes`(golden: Golden) throws { try golden.check() }

    @Test(
        .receives("5:MQTT-4.2-1", "3.1.1:MQTT-7.1.2-1"),
        arguments: ProtocolVersion.allCases,
        [PacketDecoder.Role.client, .server]
    )
    func `packets that follow one another in one read are all decoded`(
        version: ProtocolVersion,
        role: PacketDecoder.Role
    ) {
        let golden = (Self.connection + Self.messages + Self.subscriptions).filter {
            $0.version == version && $0.role == role
        }
        var bytes = ByteBuffer()
        for each in golden { bytes.writeImmutableBuffer(each.bytes) }
        #expect(!golden.isEmpty)
        #expect(decodeEveryWay(bytes, version, role) == Outcome(packets: golden.map(\.packet)))
    }

    @Test(.receives("5:MQTT-3.1.3-10", "5:MQTT-3.3.2-18")) func `properties keep the order the caller gave`() throws {
        let properties: Properties = [
            .userProperty(name: "b", value: "1"), .contentType("x"), .userProperty(name: "a", value: "2"),
            .userProperty(name: "b", value: "1"), .payloadFormatIndicator(.utf8),
        ]
        let packet = Packet.publish(Publish(topic: "t", payload: wire(""), properties: properties))
        let bytes = try encode(packet, .v5)
        #expect(
            bytes
                == wire(
                    "30 1F 0001 't' 1B 26 0001 'b' 0001 '1' 03 0001 'x' 26 0001 'a' 0001 '2' 26 0001 'b' 0001 '1' 01 01"
                )
        )
        #expect(decodeEveryWay(bytes, .v5, .client) == Outcome(packets: [packet]))
    }
}
