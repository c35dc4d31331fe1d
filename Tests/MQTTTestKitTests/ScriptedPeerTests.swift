// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTTestKit
import NIOCore
import Testing

/// The peer over both of its connections: in virtual time, and in memory.
@Suite(.timeLimit(.minutes(2)))
struct ScriptedPeerTests {
    /// A client that is connected, and its peer.
    private struct Pair {
        let client: MQTT5Client
        let peer: ScriptedPeer
        let network: VirtualNetwork

        init() async throws {
            let network = VirtualNetwork()
            let client = network.makeClient(clientID: "lamp")
            async let connected = client.connect()
            let peer = try await network.accept()
            try await peer.acceptConnect()
            _ = try await connected
            (self.client, self.peer, self.network) = (client, peer, network)
        }
    }

    @Test func `an expected packet passes, and both directions are in the log`() async throws {
        let pair = try await Pair()
        let receipt = try pair.client.enqueue("on", to: "lamp", qos: .exactlyOnce)
        let publish = try await pair.peer.acceptPublish(to: "lamp")
        #expect(publish.text == "on")
        #expect(try await receipt.outcome().reason == .success)
        let log = pair.peer.log
        #expect(log.count == 6)
        #expect(log[0].hasPrefix("client: CONNECT"))
        #expect(log[1] == "server: CONNACK")
        #expect(
            log.suffix(4).map { $0.prefix(14) } == [
                "client: PUBLIS", "server: PUBREC", "client: PUBREL", "server: PUBCOM",
            ]
        )
    }

    @Test func `a packet that differs in a field is an error that says which field, what came, and where`() async throws
    {
        let pair = try await Pair()
        try await pair.client.publish("off", to: "lamp/1")
        let line = UInt(#line) + 1
        let error = await #expect(throws: TestKitError.self) {
            try await pair.peer.expect(.publish("on", to: "lamp/1"))
        }
        #expect(error?.code == .unexpectedPacket)
        let words = try #require(error?.description)
        #expect(words.contains(#"PUBLISH topic lamp/1, QoS 0, payload "off" (3 bytes) came instead of PUBLISH"#))
        #expect(words.contains(#"what differs: payload "off" (3 bytes) instead of "on" (2 bytes);"#))
        #expect(words.contains("before: client: CONNECT"))
        #expect(words.hasSuffix("ScriptedPeerTests.swift:\(line))"))
    }

    @Test func `another kind of packet is an error, with and without a match`() async throws {
        let pair = try await Pair()
        try await pair.client.publish("off", to: "lamp/1")
        let error = await #expect(throws: TestKitError.self) { try await pair.peer.expectSubscribe(to: "a") }
        #expect(error?.code == .unexpectedPacket)
        #expect(error?.message.contains("came instead of SUBSCRIBE to a; before") == true)
        try await pair.client.publish("off", to: "lamp/1")
        let other = await #expect(throws: TestKitError.self) { try await pair.peer.expectPublish(to: "lamp/2") }
        #expect(other?.message.contains("instead of PUBLISH to lamp/2") == true)
    }

    @Test func `when nothing comes the error says how long it took, and what had come before`() async throws {
        let pair = try await Pair()
        let error = await #expect(throws: TestKitError.self) {
            try await pair.peer.expect(.pingRequest, within: .milliseconds(10))
        }
        #expect(error?.code == .timedOut)
        #expect(error?.message.contains("PINGREQ did not come within 10 ms; before: client: CONNECT") == true)
        try await pair.peer.expectNothing(for: .milliseconds(5))
        // A wait that was in vain takes nothing away.
        try await pair.client.publish("on", to: "a")
        try await pair.peer.expect(.publish("on", to: "a"))
    }

    @Test func `packets in any order pass once each, and another one is an error`() async throws {
        let pair = try await Pair()
        for text in ["1", "2", "3", "4"] { try await pair.client.publish(text, to: "a") }
        try await pair.peer.expect(inAnyOrder: [.publish("3", to: "a"), .publish("1", to: "a"), .publish("2", to: "a")])
        let error = await #expect(throws: TestKitError.self) {
            try await pair.peer.expect(inAnyOrder: [.publish("1", to: "a"), .pingRequest])
        }
        #expect(error?.code == .unexpectedPacket)
        #expect(error?.message.contains(#"(1 byte), or PINGREQ; before"#) == true)
    }

    @Test func `something where nothing was expected is an error`() async throws {
        let pair = try await Pair()
        try await pair.client.publish("on", to: "a")
        let error = await #expect(throws: TestKitError.self) { try await pair.peer.expectNothing(for: .seconds(5)) }
        #expect(error?.code == .unexpectedPacket)
    }

    @Test(arguments: [false, true])
    func `the end of the connection is expected or an error`(_ isInMemory: Bool) async throws {
        let (network, listener) = (VirtualNetwork(), InMemoryListener())
        let client = isInMemory ? MQTT5Client(to: listener.endpoint) : network.makeClient()
        async let connected = client.connect()
        let peer = isInMemory ? try await listener.accept() : try await network.accept()
        try await peer.acceptConnect()
        _ = try await connected
        async let gone: Void = client.disconnect()
        try await peer.expect(.disconnect())
        try await peer.expectEnd()
        await gone
        let error = await #expect(throws: TestKitError.self) { try await peer.next() }
        #expect(error?.code == .connectionEnded)
        let sending = await #expect(throws: TestKitError.self) { try await peer.send(.pingResponse) }
        #expect(sending?.code == .connectionEnded)
    }

    @Test func `a packet where the end was expected is an error, and so is a connection that stays`() async throws {
        let pair = try await Pair()
        let stays = await #expect(throws: TestKitError.self) {
            try await pair.peer.expectEnd(within: .milliseconds(10))
        }
        #expect(stays?.code == .timedOut)
        try await pair.client.publish("on", to: "a")
        let error = await #expect(throws: TestKitError.self) { try await pair.peer.expectEnd() }
        #expect(error?.code == .unexpectedPacket)
    }

    @Test func `bytes of any kind can be sent, and bytes that are no packet are an error`() async throws {
        let pair = try await Pair()
        let events = pair.client.recordEvents()
        var bytes = try pair.peer.bytes(of: [.publish("on", to: "a")])
        bytes.setInteger(UInt8(0x3F), at: 0)
        try await pair.peer.send(bytes: bytes)
        let error = try await events.next("the end") { if case .disconnected(let error) = $0 { error } else { nil } }
        #expect(error.code == .protocolViolation)

        let listener = InMemoryListener()
        let stream = try await listener.connectStream()
        let peer = try await listener.accept()
        try await stream.write(ByteBuffer(bytes: [0x00, 0x00]))
        let malformed = await #expect(throws: TestKitError.self) { try await peer.next() }
        #expect(malformed?.code == .malformedBytes)
    }

    @Test(arguments: [
        TestPacket.pubAck(packetID: 0), .publish("x", to: "a", qos: .atLeastOnce), .publish("x", to: "a", packetID: 1),
    ])
    func `what cannot be encoded is an error, and nothing is sent`(_ packet: TestPacket) async throws {
        let pair = try await Pair()
        let error = await #expect(throws: TestKitError.self) { try await pair.peer.send(.pingResponse, packet) }
        #expect(error?.code == .notSent)
        #expect(pair.peer.log.count == 2)
    }

    @Test func `a connection lasts although nobody holds the peer`() async throws {
        let network = VirtualNetwork()
        let client = network.makeClient()
        async let connected = client.connect()
        try await network.accept().acceptConnect()
        _ = try await connected
        try await client.publish("on", to: "a")
        #expect(client.state.isConnected)
    }

    @Test func `a peer that serves answers plainly, but for what the script says`() async throws {
        let listener = InMemoryListener()
        let client = MQTT5Client(to: listener.endpoint)
        async let connected = client.connect()
        let peer = try await listener.accept()
        peer.serve { packet in
            guard case .subscribe(let subscribe) = packet, subscribe.filters[0].filter == "secret" else { return nil }
            return [subscribe.refused(.notAuthorized)]
        }
        _ = try await connected
        let outcome = try await client.publish("on", to: "lamp", qos: .exactlyOnce)
        #expect(outcome.reason == .success)
        let error = await #expect(throws: MQTTError.self) { try await client.subscribe(to: "secret") }
        #expect(error?.reason == .notAuthorized)
        let misuse = await #expect(throws: TestKitError.self) { try await peer.next() }
        #expect(misuse?.code == .invalidUse)
        await client.disconnect()
        try await eventually("the peer stops serving", is: false) { peer.isServing }
    }
}
