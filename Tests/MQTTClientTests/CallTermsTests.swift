// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import NIOCore
import Synchronization
import Testing

@testable import MQTT

/// Reasons and properties that calls send and get, and what events tell, in the whole client on virtual time.
@Suite(.timeLimit(.minutes(5)))
struct CallTermsTests {
    private typealias Virtual = VirtualClient<V5>

    private static func message(_ qos: QoS, id: PacketID = .first) -> Packet {
        let id = qos == .atMostOnce ? nil : id
        return .publish(Publish(topic: "a", payload: ByteBuffer(string: "x"), qos: qos, packetID: id))
    }

    private static let manual = SubscriptionSettings(acknowledgement: .manual)

    // MARK: - Rejecting

    @Test(
        .sends("5:MQTT-3.4.2-1"),
        arguments: [
            ReasonCode.unspecifiedError, .implementationSpecificError, .notAuthorized, .topicNameInvalid,
            .packetIdentifierInUse, .quotaExceeded, .payloadFormatInvalid,
        ]
    )
    func `a rejected message is acknowledged with the reason`(reason: ReasonCode) async throws {
        let virtual = try await Virtual.connected(in: VirtualWorld(version: .v5))
        let messages = try await virtual.subscribe(to: "a", qos: .exactlyOnce, settings: Self.manual)
        try await virtual.peer.send(Self.message(.atLeastOnce), Self.message(.exactlyOnce, id: .first.next))
        try #require(try await messages.next()).reject(reason)
        let first = Acknowledgement(packetID: .first, reason: reason)
        try await virtual.peer.expect(.pubAck(first))
        let second = try #require(try await messages.next())
        try second.reject(reason)
        try await virtual.peer.expect(.pubRec(Acknowledgement(packetID: .first.next, reason: reason)))
        // Once it is answered it stays answered.
        second.acknowledge()
        try second.reject(.notAuthorized)
        try await Self.expectNothingMore(of: virtual)
        // A refused QoS 2 message is over: its identifier may be that of another.
        try await virtual.peer.send(Self.message(.exactlyOnce, id: .first.next))
        try #require(try await messages.next()).acknowledge()
        try await virtual.peer.expect(.pubRec(Acknowledgement(packetID: .first.next)))
    }

    @Test(arguments: [
        ReasonCode.success, .noMatchingSubscribers, .malformedPacket, .sessionTakenOver, .badAuthenticationMethod,
    ])
    func `a reason that refuses nothing, or is none of an acknowledgement, is an invalid argument`(
        reason: ReasonCode
    ) async throws {
        let virtual = try await Virtual.connected(in: VirtualWorld(version: .v5))
        let messages = try await virtual.subscribe(to: "a", qos: .atLeastOnce, settings: Self.manual)
        try await virtual.peer.send(Self.message(.atLeastOnce))
        let message = try #require(try await messages.next())
        let error = #expect(throws: MQTTError.self) { try message.reject(reason) }
        #expect(error?.code == .invalidArgument)
        // It still waits for its acknowledgement.
        try await Self.expectNothingMore(of: virtual)
        message.acknowledge()
        try await virtual.peer.expect(.pubAck(Acknowledgement(packetID: .first)))
    }

    @Test func `before 5_0 nothing can be rejected, and the message still waits`() async throws {
        let virtual = try await VirtualClient<V311>.connected(in: VirtualWorld(version: .v311))
        let messages = try await virtual.subscribe(to: "a", qos: .atLeastOnce, settings: Self.manual)
        try await virtual.peer.send(Self.message(.atLeastOnce))
        let message = try #require(try await messages.next())
        let error = #expect(throws: MQTTError.self) { try message.reject(.notAuthorized) }
        #expect(error?.code == .versionMismatch)
        try await Self.expectNothingMore(of: virtual)
        message.acknowledge()
        try await virtual.peer.expect(.pubAck(Acknowledgement(packetID: .first)))
    }

    @Test func `rejecting does nothing at QoS 0, with another policy, and after the connection`() async throws {
        let world = VirtualWorld(version: .v5)
        let virtual = try await Virtual.connected(in: world)
        let onHandOver = try await virtual.subscribe(to: "a", qos: .atLeastOnce)
        try await virtual.peer.send(Self.message(.atMostOnce), Self.message(.atLeastOnce))
        try #require(try await onHandOver.next()).reject(.notAuthorized)
        try #require(try await onHandOver.next()).reject(.notAuthorized)
        try await virtual.peer.expect(.pubAck(Acknowledgement(packetID: .first)))
        await onHandOver.unsubscribeServed(by: virtual.peer)

        let byHand = try await virtual.subscribe(to: "a", qos: .atLeastOnce, settings: Self.manual)
        try await virtual.peer.send(Self.message(.atLeastOnce))
        let message = try #require(try await byHand.next())
        try await world.cut(virtual.peer)
        let peer = try await world.redial()
        try await peer.grant(try await peer.nextSubscribe())
        try message.reject(.notAuthorized)
        // The same identifier is now another message's.
        try await peer.send(Self.message(.atLeastOnce))
        try #require(try await byHand.next()).acknowledge()
        try await peer.expect(.pubAck(Acknowledgement(packetID: .first)))
    }

    private static func expectNothingMore<Version>(of virtual: VirtualClient<Version>) async throws {
        async let pong = virtual.client.ping()
        try await virtual.peer.expect(.pingRequest)
        try await virtual.peer.send(.pingResponse)
        _ = try await pong
    }

    // MARK: - Subscribing and unsubscribing

    @Test func `user properties go with SUBSCRIBE, and the server's come back`() async throws {
        let virtual = try await Virtual.connected(in: VirtualWorld(version: .v5))
        let sent: Properties = [.userProperty(name: "a", value: "1"), .userProperty(name: "a", value: "2")]
        async let subscribing = virtual.client.subscribe(to: "a", "b", options: SubscribeOptions(properties: sent))
        let subscribe = try await virtual.peer.nextSubscribe()
        #expect(subscribe.properties == sent)
        let answered: Properties = [.reasonString("as you like"), .userProperty(name: "b", value: "3")]
        try await virtual.peer.send(
            .subAck(
                SubAck(packetID: subscribe.packetID, reasons: [.grantedQoS1, .success], properties: answered)
            )
        )
        let subscription = try await subscribing
        #expect(subscription.properties == answered)
        #expect(subscription.reasons == [.grantedQoS1, .success])
    }

    @Test func `SUBSCRIBE takes no other properties`() async throws {
        let virtual = try await Virtual.connected(in: VirtualWorld(version: .v5))
        for properties: Properties in [[.subscriptionIdentifier(1)], [.reasonString("no")], [.topicAlias(1)]] {
            let error = await #expect(throws: MQTTError.self) {
                try await virtual.client.subscribe(to: "a", options: SubscribeOptions(properties: properties))
            }
            #expect(error?.code == .invalidArgument)
        }
        try await Self.expectNothingMore(of: virtual)
    }

    @Test func `user properties go with UNSUBSCRIBE, and the server's come back`() async throws {
        let virtual = try await Virtual.connected(in: VirtualWorld(version: .v5))
        let subscription = try await virtual.subscribe(to: "a", "b")
        let sent: Properties = [.userProperty(name: "why", value: "done")]
        async let leaving = subscription.unsubscribe(properties: sent)
        guard case .unsubscribe(let unsubscribe) = try await virtual.peer.next() else { throw UnexpectedPacket() }
        #expect(unsubscribe.properties == sent)
        let answered: Properties = [.reasonString("bye")]
        let reasons: [ReasonCode] = [.success, .noSubscriptionExisted]
        try await virtual.peer.send(
            .unsubAck(UnsubAck(packetID: unsubscribe.packetID, reasons: reasons, properties: answered))
        )
        let outcome = try await leaving
        #expect(outcome.reasons == reasons)
        #expect(outcome.properties == answered)
        // Twice does no harm, and asks nobody.
        #expect(try await subscription.unsubscribe(properties: sent) == UnsubscribeOutcome())
        try await Self.expectNothingMore(of: virtual)
    }

    @Test func `a wrong property of UNSUBSCRIBE leaves the subscription standing`() async throws {
        let virtual = try await Virtual.connected(in: VirtualWorld(version: .v5))
        let subscription = try await virtual.subscribe(to: "a")
        let error = await #expect(throws: MQTTError.self) {
            try await subscription.unsubscribe(properties: [.reasonString("no")])
        }
        #expect(error?.code == .invalidArgument)
        try await virtual.peer.send(Self.message(.atMostOnce))
        #expect(try await subscription.next()?.text == "x")

        let older = try await VirtualClient<V311>.connected(in: VirtualWorld(version: .v311))
        let plain = try await older.subscribe(to: "a")
        let mismatch = await #expect(throws: MQTTError.self) {
            try await plain.unsubscribe(properties: [.userProperty(name: "a", value: "b")])
        }
        #expect(mismatch?.code == .versionMismatch)
        try await older.peer.send(Self.message(.atMostOnce))
        #expect(try await plain.next()?.text == "x")
    }

    // MARK: - Disconnecting

    @Test func `what was handed over is acknowledged before DISCONNECT`() async throws {
        let virtual = try await Virtual.connected(in: VirtualWorld(version: .v5))
        let messages = try await virtual.subscribe(to: "a", qos: .exactlyOnce)
        try await virtual.peer.send(Self.message(.atLeastOnce), Self.message(.exactlyOnce, id: .first.next))
        try await virtual.client.eventLoop.submit {}.get()
        // As if the event loop were busy: acknowledgements wait for its turn.
        virtual.client.link.state.withLock { $0.isFlushScheduled = true }
        #expect(try await messages.next()?.qos == .atLeastOnce)
        #expect(try await messages.next()?.qos == .exactlyOnce)
        async let gone: Void = virtual.client.disconnect()
        try await virtual.peer.expect(.pubAck(Acknowledgement(packetID: .first)))
        try await virtual.peer.expect(.pubRec(Acknowledgement(packetID: .first.next)))
        try await virtual.peer.expect(.disconnect(Disconnect()))
        await gone
    }

    @Test(arguments: [0, 60] as [Int])
    func `a session that ends with its connection cannot be kept by DISCONNECT, another can`(expiry: Int) async throws {
        let virtual = try await Virtual.connected(in: VirtualWorld(version: .v5)) {
            $0.sessionExpiry = .seconds(expiry)
        }
        let properties: Properties = [.sessionExpiryInterval(5)]
        let client = virtual.client
        guard expiry == 0 else {
            async let gone: Void = client.disconnect(reason: .disconnectWithWill, properties: properties)
            try await virtual.peer.expect(
                .disconnect(Disconnect(reason: .disconnectWithWill, properties: properties))
            )
            return try await gone
        }
        let error = await #expect(throws: MQTTError.self) {
            try await client.disconnect(reason: .normalDisconnection, properties: properties)
        }
        #expect(error?.code == .invalidArgument)
        #expect(client.state.isConnected)
        // 0 says nothing new.
        async let gone: Void = client.disconnect(
            reason: .normalDisconnection,
            properties: [.sessionExpiryInterval(0)]
        )
        try await virtual.peer.expect(.disconnect(Disconnect(properties: [.sessionExpiryInterval(0)])))
        try await gone
    }

    @Test(.sends("5:MQTT-3.14.2-1"))
    func `a reason that is none of a client's DISCONNECT is refused, and the connection stands`() async throws {
        let virtual = try await Virtual.connected(in: VirtualWorld(version: .v5))
        for reason in [ReasonCode.grantedQoS1, .sessionTakenOver, .serverMoved] {
            let error = await #expect(throws: MQTTError.self) { try await virtual.client.disconnect(reason: reason) }
            #expect(error?.code == .invalidArgument)
        }
        try await Self.expectNothingMore(of: virtual)
    }

    // MARK: - Events

    @Test func `events tell of another server that was named`() async throws {
        let world = VirtualWorld(version: .v5)
        let virtual = try await Virtual.connected(in: world) { configuration in
            configuration.reconnect.serverReferences = .follow(to: ["b.example"])
        }
        var events = virtual.client.events.makeAsyncIterator()
        let named: Properties = [.serverReference("b.example:8883")]
        try await virtual.peer.send(.disconnect(Disconnect(reason: .useAnotherServer, properties: named)))
        guard case .disconnected(let error) = await events.next() else { throw UnexpectedPacket() }
        #expect(error.reason == .useAnotherServer)
        guard case .redirected(let server) = await events.next() else { throw UnexpectedPacket() }
        #expect(server == ServerReference(host: "b.example", port: 8_883))
        try await world.accept().acceptConnect()
        guard case .connected = await events.next() else { throw UnexpectedPacket() }
    }

    @Test func `events tell of a session that was adopted, before the connection`() async throws {
        let world = VirtualWorld(version: .v5)
        var configuration = MQTT5Client.Configuration()
        configuration.clientID = "known"
        configuration.cleanStart = .never
        configuration.sessionExpiry = nil
        configuration.unexpectedSession = .adopt
        let client = MQTT5Client(configuration: configuration, world: world, eventLoop: world.eventLoop)
        var events = client.events.makeAsyncIterator()
        async let connected = client.connect()
        try await world.accept().acceptConnect(sessionPresent: true)
        #expect(try await connected.sessionPresent)
        guard case .adoptedSession("known") = await events.next() else { throw UnexpectedPacket() }
        guard case .connected = await events.next() else { throw UnexpectedPacket() }
    }
}

extension MQTTSubscription {
    /// Ends the subscription, while the server answers.
    fileprivate func unsubscribeServed(by peer: ScriptedPeer) async {
        async let leaving: Void = { _ = await self.unsubscribe() }()
        if let packet = try? await peer.next(), let answer = ScriptedPeer.answer(to: packet) {
            try? await peer.send(answer)
        }
        await leaving
    }
}
