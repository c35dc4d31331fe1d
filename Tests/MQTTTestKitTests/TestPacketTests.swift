// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTTestKit
import NIOCore
import Testing

/// Packets as tests write them.
@Suite struct TestPacketTests {
    /// Every kind of packet, with everything it can say in the version.
    static func packets(_ version: ProtocolVersion) -> [TestPacket] {
        let properties: Properties = version == .v5 ? [.userProperty(name: "a", value: "b")] : []
        let will = Will(topic: "w", payload: ByteBuffer(string: "gone"), qos: .exactlyOnce, retain: true)
        var connect = TestPacket.Connect(
            clientID: "lamp",
            cleanStart: false,
            keepAlive: 7,
            will: will,
            username: "ann",
            password: ByteBuffer(string: "sesame"),
            properties: properties
        )
        connect.willProperties = version == .v5 ? [.willDelayInterval(3)] : []
        let filter = TestPacket.Filter("a/#", qos: .atLeastOnce)
        return [
            .connect(connect),
            .publish("on", to: "a/b"),
            .publish(
                "on",
                to: "a",
                qos: .atLeastOnce,
                retain: true,
                duplicate: true,
                packetID: 9,
                properties: properties
            ),
            .pubAck(packetID: 1, properties: properties), .pubRec(packetID: 2, properties: properties),
            .pubRel(packetID: 3, properties: properties), .pubComp(packetID: 65_535, properties: properties),
            .subscribe(TestPacket.Subscribe(packetID: 4, to: [filter], properties: properties)),
            .unsubscribe(packetID: 5, filters: ["a/#", "b"], properties: properties),
            .pingRequest,
            .disconnect(properties: properties),
        ]
    }

    @Test(arguments: [ProtocolVersion.v31, .v311, .v5])
    func `what one peer sends as a client the other one reads, in every field`(_ version: ProtocolVersion) async throws
    {
        let listener = InMemoryListener()
        let client = try await Self.connect(to: listener, version)
        let server = try await listener.accept()
        try await server.acceptConnect()
        #expect(server.version == version)
        for packet in Self.packets(version).dropFirst() {
            try await client.write(try server.bytes(of: [packet]))
            try await server.expect(packet)
        }
        // A second CONNECT breaks the protocol, which is no business of the peer.
        let connect = Self.packets(version)[0]
        try await client.write(try server.bytes(of: [connect]))
        try await server.expect(connect)
    }

    /// The client's end of a connection, with CONNECT on its way.
    private static func connect(
        to listener: InMemoryListener,
        _ version: ProtocolVersion
    ) async throws -> InMemoryByteStream {
        let name = version == .v31 ? "MQIsdp" : "MQTT"
        var body = ByteBuffer()
        body.writeInteger(UInt16(name.utf8.count))
        body.writeString(name)
        body.writeBytes([version.rawValue, 2, 0, 60])
        if version == .v5 { body.writeInteger(UInt8(0)) }
        body.writeBytes([0, 1, 0x61])
        var packet = ByteBuffer(bytes: [0x10, UInt8(body.readableBytes)])
        packet.writeBuffer(&body)
        let stream = try await listener.connectStream()
        try await stream.write(packet)
        return stream
    }

    @Test func `a packet says in words what it says on the wire, and never a password`() {
        let words = Self.packets(.v5).map(\.description)
        #expect(words[1] == #"PUBLISH topic a/b, QoS 0, payload "on" (2 bytes)"#)
        #expect(words[2].contains("QoS 1, retain yes, duplicate yes, identifier 9"))
        #expect(words[0].contains(#"CONNECT client identifier "lamp""#))
        #expect(words[0].contains("password of 6 bytes"))
        #expect(!words[0].contains("sesame"))
        #expect(words[7].contains("filters a/# (QoS 1)"))
        #expect(words[9] == "PINGREQ")
        #expect("\(TestPacket.connAck(reason: .notAuthorized))" == "CONNACK reason Not authorized (0x87)")
        let long = TestPacket.publish(String(repeating: "x", count: 1_000), to: "a")
        #expect(long.description.count < 140 && long.description.contains("(1000 bytes)"))
        let bytes = TestPacket.publish(TestPacket.Publish(to: "a", payload: ByteBuffer(bytes: [0xFF, 0x01])))
        #expect(bytes.description.contains("payload ff 01 (2 bytes)"))
    }

    @Test func `a plain server answers everything that wants an answer`() {
        func answer(_ packet: TestPacket, _ version: ProtocolVersion = .v5) -> TestPacket? {
            packet.plainAnswer(version)
        }
        #expect(answer(.publish("x", to: "a")) == nil)
        #expect(answer(.publish("x", to: "a", qos: .atLeastOnce, packetID: 3)) == .pubAck(packetID: 3))
        #expect(answer(.publish("x", to: "a", qos: .exactlyOnce, packetID: 3)) == .pubRec(packetID: 3))
        #expect(answer(.pubRel(packetID: 3)) == .pubComp(packetID: 3))
        #expect(answer(.pubRec(packetID: 3)) == .pubRel(packetID: 3))
        #expect(answer(.pubRec(packetID: 3, reason: .quotaExceeded)) == nil)
        #expect(answer(.pingRequest) == .pingResponse)
        let filters: [TestPacket.Filter] = [.init("a"), .init("b", qos: .exactlyOnce)]
        let subscribe = TestPacket.Subscribe(packetID: 2, to: filters)
        #expect(answer(.subscribe(subscribe)) == .subAck(packetID: 2, reasons: [.grantedQoS0, .grantedQoS2]))
        #expect(subscribe.refused(.notAuthorized) == .subAck(packetID: 2, reasons: [.notAuthorized, .notAuthorized]))
        let leaving = TestPacket.unsubscribe(packetID: 1, filters: ["a"])
        #expect(answer(leaving) == .unsubAck(packetID: 1, reasons: [.success]))
        #expect(answer(leaving, .v311) == .unsubAck(packetID: 1))
        #expect(answer(.disconnect()) == nil)
    }
}
