// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore
import Testing

@testable import MQTT

/// What each call does without a connection, in the whole client on virtual time.
@Suite(.timeLimit(.minutes(5)))
struct OfflineCallTests {
    private typealias Virtual = VirtualClient<V5>

    /// A client whose connection has just been cut.
    private static func offline(
        _ change: (inout MQTT5Client.Configuration) -> Void = { _ in }
    ) async throws -> (world: VirtualWorld, client: MQTT5Client) {
        let world = VirtualWorld(version: .v5)
        let virtual = try await Virtual.connected(in: world) { configuration in
            configuration.cleanStart = .never
            configuration.sessionExpiry = nil
            change(&configuration)
        }
        try await world.cut(virtual.peer)
        return (world, virtual.client)
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `to fail is to throw at once, whatever the policy of the client says`(qos: QoS) async throws {
        let (_, client) = try await Self.offline { configuration in
            configuration.offline = OfflinePolicy(publishAtMostOnce: .wait, publishAcknowledged: .wait)
        }
        let error = await #expect(throws: MQTTError.self) {
            try await client.publish("x", to: "a", qos: qos, whenOffline: .fail)
        }
        #expect(error?.code == .notConnected)
        let refused = #expect(throws: MQTTError.self) { try client.enqueue("x", to: "a", qos: qos, whenOffline: .fail) }
        #expect(refused?.code == .notConnected)
        #expect(client.leftovers == [])
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `a client that nobody has connected waits for nothing`(qos: QoS) async throws {
        let world = VirtualWorld(version: .v5)
        let client = MQTT5Client(configuration: .init(), world: world, eventLoop: world.eventLoop)
        for choice in [OfflinePolicy.Choice.fail, .wait, .waitAtMost(.seconds(1)), .queue] {
            let error = await #expect(throws: MQTTError.self) {
                try await client.publish("x", to: "a", qos: qos, whenOffline: choice)
            }
            #expect(error?.code == .notConnected)
        }
        let error = await #expect(throws: MQTTError.self) { try await client.subscribe(to: "a", whenOffline: .wait) }
        #expect(error?.code == .notConnected)
        #expect(client.leftovers == [])
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `to wait ends when the server has the message`(qos: QoS) async throws {
        let (world, client) = try await Self.offline()
        async let outcome = client.publish("x", to: "a", qos: qos, whenOffline: .wait)
        try await until("the call waits") { client.pendingCount == 1 }
        let peer = try await world.redial(sessionPresent: true)
        let publish = try await peer.nextPublish()
        #expect(publish.qos == qos)
        #expect(!publish.duplicate)
        let server = peer.serve()
        if let answer = ScriptedPeer.answer(to: .publish(publish)) { try await peer.send(answer) }
        #expect(try await outcome == PublishOutcome())
        #expect(client.leftovers == [])
        server.cancel()
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `to wait for a time ends with a timeout, and nothing is sent`(qos: QoS) async throws {
        let (world, client) = try await Self.offline()
        world.holdDials()
        let late = Task { try await client.publish("late", to: "a", qos: qos, whenOffline: .waitAtMost(.seconds(5))) }
        try await until("the call waits") { client.pendingCount == 1 }
        let receipt = try client.enqueue("late", to: "a", qos: qos, whenOffline: .waitAtMost(.seconds(5)))
        try await world.advance(by: .seconds(5))
        let error = await #expect(throws: MQTTError.self) { try await late.value }
        #expect(error?.code == .timedOut)
        let ended = await #expect(throws: MQTTError.self) { try await receipt.outcome() }
        #expect(ended?.code == .timedOut)
        #expect(client.leftovers == [])

        try client.enqueue("in time", to: "a")
        let peer = try await Self.released(world)
        #expect(try await peer.nextPublish().payload == ByteBuffer(string: "in time"))
    }

    /// The connection whose dial was held back.
    private static func released(_ world: VirtualWorld) async throws -> ScriptedPeer {
        try await world.advance(by: .seconds(1))
        world.releaseDials()
        let peer = await world.accept()
        try await peer.acceptConnect(sessionPresent: true)
        return peer
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `to queue ends at once and says so, and the message goes later`(qos: QoS) async throws {
        let (world, client) = try await Self.offline()
        let outcome = try await client.publish("x", to: "a", qos: qos, whenOffline: .queue)
        #expect(outcome.isQueued)
        #expect(outcome.reason == .success)
        #expect(client.pendingCount == 1)
        // A receipt goes on to the server's answer: whoever holds it wants to know.
        let receipt = try client.enqueue("y", to: "a", qos: qos, whenOffline: .queue)
        #expect(!receipt.isComplete)
        let peer = try await world.redial(sessionPresent: true)
        let server = peer.serve()
        let end = try await receipt.outcome()
        #expect(!end.isQueued)
        // With a connection there is nothing to leave.
        #expect(try await client.publish("z", to: "a", qos: qos, whenOffline: .queue).isQueued == false)
        try await until("everything was sent") { client.leftovers == [] }
        server.cancel()
    }

    @Test func `what was queued, what waits and what is new arrive in the order of the calls`() async throws {
        let (world, client) = try await Self.offline()
        try await client.publish("0", to: "a", whenOffline: .queue)
        try await client.publish("1", to: "a", qos: .exactlyOnce, whenOffline: .queue)
        let waiting = Task { try await client.publish("2", to: "a", qos: .atLeastOnce) }
        try await until("the call waits") { client.pendingCount == 3 }
        try client.enqueue("3", to: "a", whenOffline: .waitAtMost(.seconds(60)))
        try client.enqueue("4", to: "a", qos: .atMostOnce, whenOffline: .wait)
        let peer = try await world.redial(sessionPresent: true)
        try client.enqueue("5", to: "a", qos: .atMostOnce)
        for number in 0..<6 {
            #expect(try await peer.nextPublish().payload == ByteBuffer(string: "\(number)"))
        }
        waiting.cancel()
        _ = await waiting.result
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `what goes on the wire is what the wait has left of the expiry`(qos: QoS) async throws {
        let (world, client) = try await Self.offline()
        world.holdDials()
        let properties: Properties = [.messageExpiryInterval(300)]
        try await client.publish("x", to: "a", qos: qos, properties: properties, whenOffline: .queue)
        try await world.advance(by: .seconds(40))
        let peer = try await Self.released(world)
        #expect(try await peer.nextPublish().properties.messageExpiryInterval == 259)
    }

    @Test func `a message that expires while it waits is never sent, and its caller is told`() async throws {
        let (world, client) = try await Self.offline()
        world.holdDials()
        let properties: Properties = [.messageExpiryInterval(10)]
        let expiring = Task { try await client.publish("x", to: "a", qos: .atLeastOnce, properties: properties) }
        try await until("the call waits") { client.pendingCount == 1 }
        let receipt = try client.enqueue("y", to: "a", qos: .exactlyOnce, properties: properties)
        try await world.advance(by: .seconds(10))
        let error = await #expect(throws: MQTTError.self) { try await expiring.value }
        #expect(error?.code == .messageExpired)
        let late = await #expect(throws: MQTTError.self) { try await receipt.outcome() }
        #expect(late?.code == .messageExpired)
        #expect(client.leftovers == [])
        try client.enqueue("last", to: "a")
        let peer = try await Self.released(world)
        #expect(try await peer.nextPublish().payload == ByteBuffer(string: "last"))
    }

    @Test func `a subscription fails, or waits no longer than it was told to`() async throws {
        let (world, client) = try await Self.offline()
        world.holdDials()
        let refused = await #expect(throws: MQTTError.self) { try await client.subscribe(to: "a", whenOffline: .fail) }
        #expect(refused?.code == .notConnected)
        let late = Task { try await client.subscribe(to: "b", whenOffline: .waitAtMost(.seconds(5))) }
        try await until("the call waits") { client.callCount == 1 }
        try await world.advance(by: .seconds(5))
        let error = await #expect(throws: MQTTError.self) { _ = try await late.value }
        #expect(error?.code == .timedOut)
        #expect(client.leftovers == [])
        async let subscription = client.subscribe(to: "c", whenOffline: .waitAtMost(.seconds(500)))
        try await until("the call waits") { client.callCount == 1 }
        let peer = try await Self.released(world)
        // The session may hold the filter that was given up.
        guard case .unsubscribe(let unsubscribe) = try await peer.next() else { throw UnexpectedPacket() }
        #expect(unsubscribe.filters == ["b"])
        let subscribe = try await peer.nextSubscribe()
        #expect(subscribe.entries.map(\.filter) == ["c"])
        try await peer.grant(subscribe)
        #expect(try await subscription.reasons == [.success])
    }
}
