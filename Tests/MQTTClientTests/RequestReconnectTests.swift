// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore
import Testing

@testable import MQTT

/// Requests and the end of the connection.
@Suite(.timeLimit(.minutes(10)))
struct RequestReconnectTests {
    private static func keepSession(_ configuration: inout MQTT5Client.Configuration) {
        configuration.cleanStart = .never
        configuration.sessionExpiry = .seconds(600)
        configuration.requests.idleLimit = .seconds(600)
    }

    /// The next connection, after the one of `asking` was cut.
    private static func reconnect(_ asking: Asking, sessionPresent: Bool) async throws -> ScriptedPeer {
        try await asking.world.advance(by: .seconds(1))
        let peer = await asking.world.accept()
        let properties: Properties = [.subscriptionIdentifierAvailable(false)]
        try await peer.acceptConnect(sessionPresent: sessionPresent, properties: properties)
        return peer
    }

    @Test(arguments: [false, true])
    func `a request that waits ends when the connection does`(isSent: Bool) async throws {
        let asking = try await Asking.connected()
        let request = asking.ask()
        if isSent {
            try await asking.peer.acceptSubscribe()
            _ = try await asking.peer.nextPublish()
        } else {
            _ = try await asking.peer.nextSubscribe()
        }
        try await asking.peer.cut()
        #expect(await code(of: request) == .connectionLost)
        #expect(await code(of: asking.ask()) == .notConnected)
        asking.expectNothingLeft()
    }

    @Test func `a reply in the same read as the end of the connection is one`() async throws {
        let asking = try await Asking.connected()
        let request = asking.ask()
        try await asking.peer.acceptSubscribe()
        let publish = try await asking.peer.nextPublish()
        try await asking.peer.send(publish.reply("4"), .disconnect(Disconnect(reason: .serverShuttingDown)))
        #expect(try await request.value == "4")
    }

    @Test func `without a connection a request is refused, unless it waits and one is being made`() async throws {
        let world = VirtualWorld(version: .v5)
        var configuration = MQTT5Client.Configuration()
        configuration.requests.idleLimit = .zero
        let client = MQTT5Client(configuration: configuration, world: world, eventLoop: world.eventLoop)
        for choice in [RequestSettings.WhenDisconnected.fail, .wait] {
            do {
                _ = try await client.request("1", to: "a", whenDisconnected: choice)
                Issue.record("a request waited although nobody connects")
            } catch {
                #expect(error.code == .notConnected)
            }
        }
        async let connected = client.connect()
        let peer = await world.accept()
        let asking = Asking(world: world, client: client, peer: peer)
        #expect(await code(of: asking.ask()) == .notConnected)
        let request = asking.ask(whenDisconnected: .wait)
        try await RequestEndTests.untilPending(1, asking)
        try await peer.acceptConnect(properties: [.subscriptionIdentifierAvailable(false)])
        _ = try await connected
        try await peer.acceptSubscribe()
        try await peer.send(try await peer.nextPublish().reply("4"))
        #expect(try await request.value == "4")
    }

    @Test func `a request that waits for a first connection ends when that cannot be made`() async throws {
        let world = VirtualWorld(version: .v5)
        let configuration = MQTT5Client.Configuration()
        let client = MQTT5Client(configuration: configuration, world: world, eventLoop: world.eventLoop)
        let connecting = Task { try await client.connect() }
        let peer = await world.accept()
        let asking = Asking(world: world, client: client, peer: peer)
        let request = asking.ask(whenDisconnected: .wait)
        try await RequestEndTests.untilPending(1, asking)
        _ = try await peer.next()
        try await peer.send(.connAck(ConnAck(sessionPresent: false, reason: .notAuthorized)))
        #expect(await code(of: request) == .connectRefused)
        await #expect(throws: MQTTError.self) { try await connecting.value }
        asking.expectNothingLeft()
    }

    @Test func `with the session kept the reply may come on the next connection`() async throws {
        let asking = try await Asking.connected(Self.keepSession)
        let request = asking.ask(timeout: .seconds(300), whenDisconnected: .wait)
        try await asking.peer.acceptSubscribe()
        let publish = try await asking.peer.nextPublish()
        try await asking.peer.cut()
        let peer = try await Self.reconnect(asking, sessionPresent: true)
        try await peer.send(publish.reply("4"))
        #expect(try await request.value == "4")
        // The subscription that was kept is used without another SUBSCRIBE.
        let next = asking.ask()
        let again = try await peer.nextPublish()
        try await peer.send(again.reply("5"))
        #expect(try await next.value == "5")
    }

    @Test func `without the session the subscription stands again before a request that waited is sent`() async throws {
        let asking = try await Asking.connected(Self.keepSession)
        let first = asking.ask("1")
        try await asking.peer.acceptSubscribe()
        try await asking.peer.send(try await asking.peer.nextPublish().reply("re 1"))
        #expect(try await first.value == "re 1")
        try await asking.peer.cut()
        let second = asking.ask("2", timeout: .seconds(300), whenDisconnected: .wait)
        try await RequestEndTests.untilPending(1, asking)
        let peer = try await Self.reconnect(asking, sessionPresent: false)
        let subscribe = try await peer.nextSubscribe()
        #expect(try await asking.isSilent(peer))
        try await peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.success])))
        try await peer.send(try await peer.nextPublish().reply("re 2"))
        #expect(try await second.value == "re 2")
    }

    @Test func `a request whose SUBSCRIBE had no answer waits for that of the next connection`() async throws {
        let asking = try await Asking.connected()
        let request = asking.ask(timeout: .seconds(300), whenDisconnected: .wait)
        _ = try await asking.peer.nextSubscribe()
        try await asking.peer.cut()
        let peer = try await Self.reconnect(asking, sessionPresent: false)
        try await peer.acceptSubscribe()
        try await peer.send(try await peer.nextPublish().reply("4"))
        #expect(try await request.value == "4")
        try await peer.acceptUnsubscribe()
        asking.expectNothingLeft()
    }

    @Test func `a request at QoS 1 that waits is sent again, and its reply is awaited on the next connection`()
        async throws
    {
        let asking = try await Asking.connected(Self.keepSession)
        let request = asking.ask(qos: .atLeastOnce, timeout: .seconds(300), whenDisconnected: .wait)
        try await asking.peer.acceptSubscribe()
        let publish = try await asking.peer.nextPublish()
        try await asking.peer.cut()
        let peer = try await Self.reconnect(asking, sessionPresent: true)
        let again = try await peer.nextPublish()
        #expect(again.duplicate && again.properties == publish.properties)
        try await peer.send(.pubAck(Acknowledgement(packetID: try #require(again.packetID))), again.reply("4"))
        #expect(try await request.value == "4")
    }

    @Test func `a request that waits for a connection times out like any other`() async throws {
        let asking = try await Asking.connected(Self.keepSession)
        asking.world.refuse(1_000)
        try await asking.peer.cut()
        let request = asking.ask(timeout: .seconds(5), whenDisconnected: .wait)
        try await RequestEndTests.untilPending(1, asking)
        try await asking.world.advance(by: .seconds(5))
        #expect(await code(of: request) == .timedOut)
        asking.expectNothingLeft()
    }

    @Test func `a subscription that is refused on the next connection ends the requests that wait for a reply`()
        async throws
    {
        let asking = try await Asking.connected(Self.keepSession)
        let request = asking.ask(timeout: .seconds(300), whenDisconnected: .wait)
        try await asking.peer.acceptSubscribe()
        _ = try await asking.peer.nextPublish()
        try await asking.peer.cut()
        let peer = try await Self.reconnect(asking, sessionPresent: false)
        let subscribe = try await peer.nextSubscribe()
        try await peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.notAuthorized])))
        #expect(await code(of: request) == .subscriptionRefused)
        asking.expectNothingLeft()
    }

    @Test(arguments: [RequestSettings.WhenDisconnected.fail, .wait])
    func `disconnecting ends requests, and nothing is left of them`(
        choice: RequestSettings.WhenDisconnected
    )
        async throws
    {
        let asking = try await Asking.connected()
        let sent = asking.ask("1", whenDisconnected: choice)
        try await asking.peer.acceptSubscribe()
        _ = try await asking.peer.nextPublish()
        let waiting = asking.ask("2", properties: [.responseTopic("r")], whenDisconnected: choice)
        _ = try await asking.peer.nextSubscribe()
        await asking.client.disconnect()
        #expect(await code(of: sent) == .clientClosed)
        #expect(await code(of: waiting) == .clientClosed)
        asking.expectNothingLeft()
    }

    @Test func `a client without requests is let go as before`() async throws {
        weak var link: Link?
        do {
            let asking = try await Asking.connected { $0.requests.idleLimit = .seconds(1) }
            link = asking.client.link
            let request = asking.ask()
            try await asking.peer.acceptSubscribe()
            try await asking.peer.send(try await asking.peer.nextPublish().reply("4"))
            #expect(try await request.value == "4")
            await asking.client.disconnect()
            try await asking.world.advance(by: .seconds(60))
        }
        #expect(link == nil)
    }
}
