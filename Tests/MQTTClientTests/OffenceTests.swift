// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MQTTEngine
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

/// A server that breaks the standard, seen from the whole client: what is said, and that the connection closes.
@Suite(.timeLimit(.minutes(10)))
struct OffenceTests {
    /// Bytes for a connected client of both versions, and the reason of 5.0.
    struct Offence: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// nil: there is no such thing in 3.1.1.
        let before5: [UInt8]?
        let in5: [UInt8]
        let reason: UInt8

        init(_ name: String, _ before5: [UInt8]?, _ in5: [UInt8], _ reason: UInt8) {
            self.testDescription = name
            self.before5 = before5
            self.in5 = in5
            self.reason = reason
        }
    }

    static let offences = [
        Offence("a topic that is no UTF-8", [0x30, 3, 0, 1, 0xFF], [0x30, 4, 0, 1, 0xFF, 0], 0x81),
        Offence("a surrogate", [0x30, 5, 0, 3, 0xED, 0xA0, 0x80], [0x30, 6, 0, 3, 0xED, 0xA0, 0x80, 0], 0x81),
        Offence("U+0000", [0x30, 3, 0, 1, 0], [0x30, 4, 0, 1, 0, 0], 0x81),
        Offence("a wildcard", [0x30, 3, 0, 1, 0x23], [0x30, 4, 0, 1, 0x2B, 0], 0x90),
        Offence("no topic", [0x30, 2, 0, 0], [0x30, 3, 0, 0, 0], 0x82),
        Offence("QoS 3", [0x36, 5, 0, 1, 0x74, 0, 1], [0x36, 6, 0, 1, 0x74, 0, 1, 0], 0x81),
        Offence("DUP at QoS 0", [0x38, 3, 0, 1, 0x74], [0x38, 4, 0, 1, 0x74, 0], 0x81),
        Offence("identifier 0", [0x32, 5, 0, 1, 0x74, 0, 0], [0x32, 6, 0, 1, 0x74, 0, 0, 0], 0x82),
        Offence("flags of PUBREL", [0x60, 2, 0, 1], [0x60, 2, 0, 1], 0x81),
        Offence("flags of PINGRESP", [0xD1, 0], [0xD1, 0], 0x81),
        Offence("flags of DISCONNECT", nil, [0xE1, 0], 0x81),
        Offence("flags of AUTH", nil, [0xF1, 0], 0x81),
        Offence("a body of PINGRESP", [0xD0, 1, 0], [0xD0, 1, 0], 0x81),
        Offence("a length of five bytes", [0x30, 0xFF, 0xFF, 0xFF, 0xFF], [0x30, 0xFF, 0xFF, 0xFF, 0xFF], 0x81),
        Offence("a length longer than it need be", [0xD0, 0x80, 0], [0xD0, 0x80, 0], 0x81),
        Offence("a packet larger than we take", nil, [0x30, 0xE9, 0x07], 0x95),
        Offence("an unknown property", nil, [0x30, 6, 0, 1, 0x74, 2, 0x7F, 0], 0x81),
        Offence("a property of another packet", nil, [0x30, 6, 0, 1, 0x74, 2, 0x24, 0], 0x81),
        Offence("a property twice", nil, [0x30, 8, 0, 1, 0x74, 4, 1, 1, 1, 1], 0x82),
        Offence("a property past the end", nil, [0x30, 6, 0, 1, 0x74, 9, 1, 1], 0x81),
        Offence("no property length", nil, [0x30, 3, 0, 1, 0x74], 0x81),
        Offence("a reason of other packets", nil, [0x40, 3, 0, 1, 0x92], 0x82),
        Offence("a reason of clients", nil, [0xE0, 1, 0x04], 0x82),
        Offence("an expiry in DISCONNECT", nil, [0xE0, 7, 0, 5, 0x11, 0, 0, 0, 1], 0x82),
        Offence("a SUBACK nobody asked for", [0x90, 3, 0, 9, 0], [0x90, 4, 0, 9, 0, 0], 0x82),
        Offence("a second CONNACK", [0x20, 2, 0, 0], [0x20, 3, 0, 0, 0], 0x82),
        Offence("a PINGREQ", [0xC0, 0], [0xC0, 0], 0x82),
        Offence("a DISCONNECT before 5.0", [0xE0, 0], [0xE0, 3, 0, 0, 0], 0x81),
    ]

    /// Everything the client sends after some bytes, until it has closed.
    private static func answer<V: MQTTVersion>(of type: V.Type, to bytes: [UInt8]) async throws -> [UInt8] {
        let virtual = try await VirtualClient<V>.connected(in: VirtualWorld(version: V.protocolVersion)) {
            $0.reconnect = .never
            $0.maximumPacketSize = V.protocolVersion == .v5 ? 1_000 : nil
        }
        try await virtual.peer.write(ByteBuffer(bytes: bytes))
        try await virtual.peer.channel.closeFuture.get()
        #expect(!virtual.client.state.isConnected)
        var sent: [UInt8] = []
        while let next = try await virtual.peer.channel.readOutbound(as: ByteBuffer.self) {
            sent += next.readableBytesView
        }
        return sent
    }

    @Test(
        .receives("5:MQTT-1.5.4-1", "5:MQTT-1.5.4-2", "5:MQTT-1.5.5-1", "5:MQTT-2.1.3-1", "5:MQTT-2.2.2-1"),
        .receives("5:MQTT-3.3.1-2", "5:MQTT-3.3.1-4", "5:MQTT-3.3.2-1", "5:MQTT-3.3.2-2", "5:MQTT-3.4.2-1"),
        .receives("5:MQTT-3.6.1-1", "5:MQTT-3.14.1-1", "5:MQTT-3.14.2-1", "5:MQTT-3.15.1-1", "5:MQTT-4.7.0-1"),
        .receives("5:MQTT-4.7.3-1", "5:MQTT-4.7.3-2", "5:MQTT-4.13.2-1", "5:MQTT-2.2.1-4", "5:MQTT-3.14.2-2"),
        .receives("U5-1.5.5-1?", "U5-2.2.2.2-1?", "U5-2.2.2.2-2?", "U5-2.2.2.2-3?", "U5-3.1.2.11.4-2"),
        .receives("U5-3.3.1.2-1", "U5-3.3.2.1-1", "U5-3.3.2.3-1", "U5-3.13-1?"),
        arguments: Self.offences
    )
    func `a 5_0 client says what was wrong and closes`(offence: Offence) async throws {
        #expect(try await Self.answer(of: V5.self, to: offence.in5) == [0xE0, 1, offence.reason])
    }

    @Test(
        .sends("3.1.1:MQTT-4.8.0-1", "3.1.1:MQTT-2.2.2-2"),
        .receives("3.1.1:MQTT-1.5.3-1", "3.1.1:MQTT-1.5.3-2", "3.1.1:MQTT-2.2.2-1", "3.1.1:MQTT-2.2.2-2"),
        .receives("3.1.1:MQTT-3.3.1-2", "3.1.1:MQTT-3.3.1-4", "3.1.1:MQTT-3.3.2-1", "3.1.1:MQTT-3.3.2-2"),
        .receives("3.1.1:MQTT-3.6.1-1", "3.1.1:MQTT-4.7.1-1", "3.1.1:MQTT-4.7.3-1", "3.1.1:MQTT-4.7.3-2"),
        .receives("3.1.1:MQTT-4.8.0-1"),
        arguments: Self.offences.filter { $0.before5 != nil }
    )
    func `a 3_1_1 client closes without a word`(offence: Offence) async throws {
        let bytes = try #require(offence.before5)
        #expect(try await Self.answer(of: V311.self, to: bytes) == [])
    }

    // MARK: - Sessions

    @Test(
        .sends("5:MQTT-3.1.3-2", "3.1.1:MQTT-3.1.3-2"),
        .receives("5:MQTT-3.1.3-2", "3.1.1:MQTT-3.1.3-2"),
        arguments: [ProtocolVersion.v311, .v5]
    )
    func `what a store keeps for one client identifier is not another's`(version: ProtocolVersion) async throws {
        if version == .v5 {
            try await self.goesOn(V5.self) {
                $0.cleanStart = .never
                $0.sessionExpiry = nil
            }
        } else {
            try await self.goesOn(V311.self) { $0.cleanSession = false }
        }
    }

    private func goesOn<V: MQTTVersion>(
        _ type: V.Type,
        _ change: (inout MQTTClient<V>.Configuration) -> Void
    ) async throws {
        let store = InMemorySessionStore()
        let kept = OutgoingMessage(topic: "kept", qos: .atLeastOnce)
        let record = OutboundRecord(serial: 1, packetID: 5, message: kept)
        try await store.apply([.outboundAdded(record), .inboundReceived(packetID: 7)], clientID: "one")
        for clientID in ["two", "one"] {
            let world = VirtualWorld(version: V.protocolVersion)
            var configuration = MQTTClient<V>.Configuration()
            configuration.clientID = clientID
            configuration.sessionStore = store
            change(&configuration)
            let client = MQTTClient<V>(configuration: configuration, world: world, eventLoop: world.eventLoop)
            let messages = try client.declareSubscription(to: "t", qos: .exactlyOnce)
            async let connected = client.connect()
            let peer = await world.accept()
            let isOwner = clientID == "one"
            #expect(try await peer.acceptConnect(sessionPresent: isOwner).clientID == clientID)
            _ = try await connected
            if isOwner {
                let again = Publish(topic: "kept", qos: .atLeastOnce, duplicate: true, packetID: .first.advanced(by: 4))
                try await peer.expect(.publish(again))
            }
            guard case .subscribe(let subscribe) = try await peer.next() else { throw UnexpectedPacket() }
            try await peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.grantedQoS2])))
            let id = PacketID.first.advanced(by: 6)
            let seventh = Publish(topic: "t", qos: .exactlyOnce, duplicate: true, packetID: id)
            let last = Publish(topic: "t", payload: ByteBuffer(string: "last"))
            try await peer.send(.publish(seventh), .publish(last))
            // To the owner of the session the first of the two is a repetition.
            if !isOwner { #expect(try await messages.next()?.text == "") }
            #expect(try await messages.next()?.text == "last")
            try await peer.expect(.pubRec(Acknowledgement(packetID: id)))
        }
    }
}
