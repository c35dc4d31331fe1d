// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore
import Testing

@testable import MQTT

/// What users of other clients have reported, in the whole client on virtual time.
@Suite(.timeLimit(.minutes(5)))
struct KnownFailureTests {
    private typealias Virtual = VirtualClient<V5>

    private static func connected(
        _ change: (inout MQTT5Client.Configuration) -> Void = { _ in }
    ) async throws -> (world: VirtualWorld, client: MQTT5Client, peer: ScriptedPeer, virtual: Virtual) {
        let world = VirtualWorld(version: .v5)
        let virtual = try await Virtual.connected(in: world) { configuration in
            configuration.reconnect.maximumDelay = .seconds(1)
            change(&configuration)
        }
        return (world, virtual.client, virtual.peer, virtual)
    }

    private static func message(
        _ topic: String,
        _ text: String,
        _ qos: QoS = .atMostOnce,
        id: PacketID? = nil
    ) -> Packet {
        .publish(Publish(topic: topic, payload: ByteBuffer(string: text), qos: qos, packetID: id))
    }

    /// Nothing but the answer to a ping comes next: nothing else was sent.
    private static func expectNothingMore(_ client: MQTT5Client, _ peer: ScriptedPeer) async throws {
        async let pong = client.ping()
        try await peer.expect(.pingRequest)
        try await peer.send(.pingResponse)
        _ = try await pong
    }

    // MARK: - Keep-alive

    @Test func `a keep-alive of 0 sends no ping at all`() async throws {
        let (world, client, peer, _) = try await Self.connected { $0.keepAlive = .zero }
        try await world.advance(by: .seconds(1_000_000))
        #expect(client.state.isConnected)
        try await client.publish("first", to: "a")
        #expect(try await peer.nextPublish().payload == ByteBuffer(string: "first"))
    }

    @Test func `a keep-alive of 65,535 seconds sends one ping in that time`() async throws {
        let (world, client, peer, _) = try await Self.connected { $0.keepAlive = .seconds(65_535) }
        try await world.advance(by: .seconds(65_535 - 2_000))
        try await Self.expectNothingMore(client, peer)
        try await world.advance(by: .seconds(65_534))
        try await peer.expect(.pingRequest)
        try await peer.send(.pingResponse)
        #expect(client.state.isConnected)
    }

    @Test func `a large download with PINGRESP behind it does not end the connection`() async throws {
        let (world, client, peer, virtual) = try await Self.connected()
        let messages = try await virtual.subscribe(to: "a")
        let download = Publish(topic: "a", payload: ByteBuffer(repeating: 1, count: 600_000))
        var bytes = try peer.bytes(of: [.publish(download), .pingResponse])
        try await world.advance(by: .seconds(59))
        try await peer.expect(.pingRequest)
        // 9 seconds between the pieces: far beyond the time a ping has, all in all.
        while let piece = bytes.readSlice(length: min(10_000, bytes.readableBytes)), piece.readableBytes > 0 {
            try await world.advance(by: .seconds(9))
            try await peer.write(piece)
            try #require(client.state.isConnected)
        }
        #expect(try await messages.next()?.payload == download.payload)
    }

    // MARK: - Packets nobody waits for

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `an acknowledgement of a cancelled publish harms nobody`(qos: QoS) async throws {
        let (_, client, peer, _) = try await Self.connected()
        let publishing = Task { try await client.publish("x", to: "a", qos: qos) }
        let publish = try await peer.nextPublish()
        publishing.cancel()
        _ = await publishing.result
        try await peer.send(try #require(ScriptedPeer.answer(to: .publish(publish))))
        let server = peer.serve()
        try await client.publish("y", to: "a", qos: qos)
        try await until("the identifiers are free") { client.leftovers == [] }
        server.cancel()
    }

    @Test func `a SUBACK of a cancelled subscribe harms nobody, and the filter is given up`() async throws {
        let (_, client, peer, _) = try await Self.connected()
        let subscribing = Task { _ = try await client.subscribe(to: "a") }
        let subscribe = try await peer.nextSubscribe()
        subscribing.cancel()
        _ = await subscribing.result
        try await peer.grant(subscribe)
        guard case .unsubscribe(let unsubscribe) = try await peer.next() else { throw UnexpectedPacket() }
        #expect(unsubscribe.filters == ["a"])
        try await peer.send(try #require(ScriptedPeer.answer(to: .unsubscribe(unsubscribe))))
        try await Self.expectNothingMore(client, peer)
        #expect(client.leftovers == [])
    }

    @Test func `a PUBREL for an unknown identifier is answered, and the connection stands`() async throws {
        let (_, client, peer, _) = try await Self.connected()
        try await peer.send(.pubRel(Acknowledgement(packetID: .first)))
        try await peer.expect(.pubComp(Acknowledgement(packetID: .first, reason: .packetIdentifierNotFound)))
        try await Self.expectNothingMore(client, peer)
    }

    @Test func `a negative PUBREC ends the call, and no PUBREL follows`() async throws {
        let (_, client, peer, _) = try await Self.connected()
        let publishing = Task { try await client.publish("x", to: "a", qos: .exactlyOnce) }
        let id = try #require(try await peer.nextPublish().packetID)
        try await peer.send(.pubRec(Acknowledgement(packetID: id, reason: .quotaExceeded)))
        let error = await #expect(throws: MQTTError.self) { try await publishing.value }
        #expect(error?.code == .publishRefused)
        #expect(error?.reason == .quotaExceeded)
        try await Self.expectNothingMore(client, peer)
        #expect(client.leftovers == [])
    }

    // MARK: - Subscriptions

    @Test func `a refused subscription is an error with filter and reason, and is not tried again`() async throws {
        let (world, client, first, _) = try await Self.connected()
        let subscribing = Task { _ = try await client.subscribe(to: "mine", "secret") }
        let subscribe = try await first.nextSubscribe()
        try await first.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.success, .notAuthorized])))
        let error = await #expect(throws: MQTTError.self) { try await subscribing.value }
        #expect(error?.code == .subscriptionRefused)
        #expect(error?.reason == .notAuthorized)
        #expect(error?.filter == "secret")
        // What was granted beside it is given up.
        let farewell = try await first.next()
        try await first.send(try #require(ScriptedPeer.answer(to: farewell)))
        try await world.cut(first)
        try await Self.expectNothingMore(client, try await world.redial())
    }

    @Test func `a filter of # does not match what begins with a dollar sign`() async throws {
        let (_, _, peer, virtual) = try await Self.connected()
        let all = try await virtual.subscribe(to: "#")
        let level = try await virtual.subscribe(to: "+/x")
        let system = try await virtual.subscribe(to: "$SYS/#")
        try await peer.send(Self.message("$SYS/x", "system"), Self.message("a/x", "other"))
        #expect(try await all.next()?.text == "other")
        #expect(try await level.next()?.text == "other")
        #expect(try await system.next()?.text == "system")
        #expect(system.core.takeNext() == nil)
    }

    @Test(arguments: [true, false])
    func `after a reconnect every subscription is there once, and a message comes once`(isKept: Bool) async throws {
        let (world, client, first, virtual) = try await Self.connected { configuration in
            configuration.cleanStart = .never
            configuration.sessionExpiry = nil
        }
        let messages = try await virtual.subscribe(to: "a", "b", qos: .atLeastOnce)
        let other = try await virtual.subscribe(to: "c", qos: .atLeastOnce)
        var peer = first
        for round in 0..<20 {
            try await world.cut(peer)
            peer = try await world.redial(sessionPresent: isKept)
            if !isKept {
                let subscribe = try await peer.nextSubscribe()
                #expect(subscribe.entries.map(\.filter) == ["a", "b", "c"])
                try await peer.grant(subscribe)
            }
            try await Self.expectNothingMore(client, peer)
            try await peer.send(Self.message("b", "\(round)", .atLeastOnce, id: .first), Self.message("c", "c"))
            #expect(try await messages.next()?.text == "\(round)")
            try await peer.expect(.pubAck(Acknowledgement(packetID: .first)))
            #expect(messages.core.takeNext() == nil)
            #expect(try await other.next()?.text == "c")
        }
    }

    @Test func `messages that come before there is a handler wait for it, unacknowledged`() async throws {
        let world = VirtualWorld(version: .v5)
        var configuration = MQTT5Client.Configuration()
        configuration.clientID = "virtual"
        configuration.cleanStart = .never
        configuration.sessionExpiry = nil
        configuration.unexpectedSession = .adopt
        let client = MQTT5Client(configuration: configuration, world: world, eventLoop: world.eventLoop)
        async let connected = client.connect()
        let peer = await world.accept()
        try await peer.acceptConnect(sessionPresent: true, properties: [.subscriptionIdentifierAvailable(false)])
        _ = try await connected
        try await peer.send(Self.message("a", "early", .atLeastOnce, id: .first))
        try await Self.expectNothingMore(client, peer)
        async let subscribing = client.subscribe(to: "a", qos: .atLeastOnce)
        try await peer.grant(try await peer.nextSubscribe())
        let messages = try await subscribing
        #expect(try await messages.next()?.text == "early")
        try await peer.expect(.pubAck(Acknowledgement(packetID: .first)))
    }

    // MARK: - Stalls

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `a handler may publish and wait for it, at every QoS`(qos: QoS) async throws {
        let (_, client, peer, virtual) = try await Self.connected()
        let settings = SubscriptionSettings(bufferSize: 1)
        let messages = try await virtual.subscribe(to: "in", qos: .atLeastOnce, settings: settings)
        for number in 0..<10 {
            let id = PacketID.first.advanced(by: number)
            try await peer.send(Self.message("in", "\(number)", .atLeastOnce, id: id))
        }
        let server = peer.serve()
        for _ in 0..<10 {
            let message = try #require(try await messages.next())
            try await client.publish(message.payload, to: "out", qos: qos)
            try await client.ping()
            try await client.subscribe(to: "more") { _ in }
        }
        server.cancel()
    }

    @Test func `a slow subscription stalls nothing but itself`() async throws {
        let (_, client, peer, virtual) = try await Self.connected()
        let settings = SubscriptionSettings(bufferSize: 1)
        let slow = try await virtual.subscribe(to: "slow", qos: .atLeastOnce, settings: settings)
        let quick = try await virtual.subscribe(to: "quick", qos: .atLeastOnce)
        for number in 0..<50 {
            let id = PacketID.first.advanced(by: number)
            try await peer.send(Self.message("slow", "\(number)", .atLeastOnce, id: id))
        }
        for number in 0..<50 {
            let id = PacketID.first.advanced(by: 100 + number)
            try await peer.send(Self.message("quick", "\(number)", .atLeastOnce, id: id))
            #expect(try await quick.next()?.text == "\(number)")
        }
        let server = peer.serve()
        try await client.publish("x", to: "a", qos: .exactlyOnce)
        try await client.ping()
        try await client.subscribe(to: "other") { _ in }
        for number in 0..<50 { #expect(try await slow.next()?.text == "\(number)") }
        server.cancel()
    }

    // MARK: - Truth

    @Test func `the result of a publish says what happened to it`() async throws {
        let (world, client, peer, _) = try await Self.connected()
        let answers: [(ReasonCode, MQTTError.Code?)] = [
            (.success, nil), (.noMatchingSubscribers, nil), (.notAuthorized, .publishRefused),
        ]
        for (reason, code) in answers {
            let publishing = Task { try await client.publish("x", to: "a", qos: .atLeastOnce) }
            let id = try #require(try await peer.nextPublish().packetID)
            try await peer.send(.pubAck(Acknowledgement(packetID: id, reason: reason)))
            do {
                #expect(try await publishing.value.reason == reason)
                #expect(code == nil)
            } catch {
                #expect((error as? MQTTError)?.code == code)
            }
        }
        let unknown = try client.enqueue("y", to: "a")
        _ = try await peer.nextPublish()
        try await world.cut(peer)
        let queued = try await client.publish("z", to: "a", qos: .atLeastOnce, whenOffline: .queue)
        #expect(queued.isQueued)
        let waiting = try client.enqueue("z", to: "a")
        await client.disconnect()
        #expect(await #expect(throws: MQTTError.self) { try await unknown.outcome() }?.code == .outcomeUnknown)
        #expect(await #expect(throws: MQTTError.self) { try await waiting.outcome() }?.code == .clientClosed)
        #expect(client.leftovers == [])
    }

    @Test func `new messages never overtake stored ones when the link returns`() async throws {
        let (world, client, first, _) = try await Self.connected { configuration in
            configuration.cleanStart = .never
            configuration.sessionExpiry = nil
            configuration.inFlightWindow = 3
        }
        for number in 0..<6 { try client.enqueue("\(number)", to: "a") }
        for _ in 0..<3 { _ = try await first.nextPublish() }
        try await world.cut(first)
        for number in 6..<9 { try client.enqueue("\(number)", to: "a") }
        let second = try await world.redial(sessionPresent: true)
        try client.enqueue("9", to: "a")
        for number in 0..<10 {
            let publish = try await second.nextPublish()
            #expect(publish.payload == ByteBuffer(string: "\(number)"))
            #expect(publish.duplicate == (number < 3))
            try await second.send(try #require(ScriptedPeer.answer(to: .publish(publish))))
        }
    }

    @Test func `limits of a 5_0 server are errors here and nothing on the wire`() async throws {
        let world = VirtualWorld(version: .v5)
        let client = MQTT5Client(configuration: .init(), world: world, eventLoop: world.eventLoop)
        async let connected = client.connect()
        let peer = await world.accept()
        try await peer.acceptConnect(properties: [
            .maximumQoS(.atMostOnce), .retainAvailable(false), .maximumPacketSize(100),
            .wildcardSubscriptionAvailable(false), .sharedSubscriptionAvailable(false),
            .subscriptionIdentifierAvailable(false),
        ])
        _ = try await connected
        func code(_ body: () async throws -> Void) async -> MQTTError.Code? {
            await #expect(throws: MQTTError.self) { try await body() }?.code
        }
        let large = ByteBuffer(repeating: 0, count: 100)
        #expect(await code { try await client.publish("x", to: "a", qos: .atLeastOnce) } == .notSupportedByServer)
        #expect(await code { try await client.publish("x", to: "a", retain: true) } == .notSupportedByServer)
        #expect(await code { try await client.publish(large, to: "a") } == .packetTooLarge)
        #expect(await code { _ = try await client.subscribe(to: "a/#") } == .notSupportedByServer)
        #expect(await code { _ = try await client.subscribe(to: "$share/g/a") } == .notSupportedByServer)
        let alias: Properties = [.topicAlias(1)]
        #expect(await code { try await client.publish("x", to: "a", properties: alias) } == .notSupportedByServer)
        try await Self.expectNothingMore(client, peer)
    }

    // MARK: - The end

    @Test func `fault 20: a take-over is not fought, and everything ends with its reason`() async throws {
        let (world, client, peer, virtual) = try await Self.connected()
        let messages = try await virtual.subscribe(to: "a")
        let waiting = Task { try await messages.next() }
        let publishing = Task { try await client.publish("x", to: "a", qos: .atLeastOnce) }
        _ = try await peer.nextPublish()
        var events = client.events.makeAsyncIterator()
        try await peer.send(.disconnect(Disconnect(reason: .sessionTakenOver)))
        guard case .disconnected(let error) = await events.next() else { throw UnexpectedPacket() }
        #expect(error.reason == .sessionTakenOver)
        guard case .gaveUp(let end) = await events.next() else { throw UnexpectedPacket() }
        #expect(end.reason == .sessionTakenOver)
        #expect(await #expect(throws: MQTTError.self) { try await waiting.value }?.reason == .sessionTakenOver)
        #expect(await #expect(throws: MQTTError.self) { try await publishing.value } != nil)
        try await world.advance(by: .seconds(100_000))
        guard case .disconnected = client.state else {
            Issue.record("\(client.state)")
            return
        }
        #expect(client.leftovers == [])
    }
}
