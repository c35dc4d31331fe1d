// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MQTTWire
import NIOCore
import Testing

/// Authenticating again on a connection that stands.
@Suite(.timeLimit(.minutes(5)))
struct ReauthenticationTests {
    private let world = VirtualWorld(version: .v5)
    private let authenticator = TestAuthenticator()

    private func connected() async throws -> (client: MQTT5Client, peer: ScriptedPeer) {
        var configuration = MQTT5Client.Configuration()
        configuration.clientID = "virtual"
        configuration.authenticator = self.authenticator
        let client = MQTT5Client(configuration: configuration, world: self.world, eventLoop: self.world.eventLoop)
        async let connected = client.connect()
        let peer = await self.world.accept()
        _ = try await peer.next()
        try await peer.send(.proof())
        _ = try await connected
        return (client, peer)
    }

    private func error(of task: Task<Void, any Error>) async -> MQTTError? {
        switch await task.result {
        case .success: nil
        case .failure(let error): error as? MQTTError
        }
    }

    @Test(.sends("5:MQTT-4.12.1-1"))
    func `it runs a new exchange while publishing and receiving go on`() async throws {
        let (client, peer) = try await self.connected()
        async let subscription = client.subscribe(to: "in")
        guard case .subscribe(let subscribe) = try await peer.next() else { throw UnexpectedPacket() }
        try await peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.success])))
        let messages = try await subscription

        async let done: Void = client.reauthenticate()
        try await peer.expect(.auth("hello 2", .reauthenticate))
        let receipt = try client.enqueue("x", to: "out")
        guard case .publish(let publish) = try await peer.next() else { throw UnexpectedPacket() }
        let id = try #require(publish.packetID)
        let message = Publish(topic: "in", payload: ByteBuffer(string: "y"))
        try await peer.send(.auth("challenge"), .publish(message), .pubAck(Acknowledgement(packetID: id)))
        #expect(try await messages.next()?.text == "y")
        try await receipt.outcome()
        try await peer.expect(.auth("re:challenge:1"))
        try await peer.send(.auth("proof", .success))
        try await done
        #expect(client.state.isConnected)
        #expect(self.authenticator.log.suffix(5) == ["make", "begin", "answer", "finish", "finished"])
    }

    @Test func `reading goes on for the server's answer although a subscription is full`() async throws {
        let (client, peer) = try await self.connected()
        async let subscription = client.subscribe(to: "a", settings: SubscriptionSettings(bufferSize: 1))
        guard case .subscribe(let subscribe) = try await peer.next() else { throw UnexpectedPacket() }
        try await peer.send(.subAck(SubAck(packetID: subscribe.packetID, reasons: [.success])))
        let messages = try await subscription
        let flood = Packet.publish(Publish(topic: "a", payload: ByteBuffer(string: "x")))
        try await peer.send(flood, flood, flood)
        #expect(try await peer.isReading == false)
        async let done: Void = client.reauthenticate()
        try await peer.expect(.auth("hello 2", .reauthenticate))
        #expect(try await peer.isReading == true)
        try await peer.send(.auth("proof", .success))
        try await done
        #expect(try await peer.isReading == false)
        _ = messages
    }

    @Test(.sends("5:MQTT-4.12.0-7"))
    func `it needs an authenticator, and a connection`() async throws {
        let virtual = try await VirtualClient<V5>.connected(in: self.world)
        let error = await #expect(throws: MQTTError.self) { try await virtual.client.reauthenticate() }
        #expect(error?.code == .invalidArgument)
        // Nothing was sent: the next packet is another one.
        async let gone: Void = virtual.client.disconnect()
        try await virtual.peer.expect(.disconnect(Disconnect()))
        await gone

        var configuration = MQTT5Client.Configuration()
        configuration.authenticator = self.authenticator
        let client = MQTT5Client(configuration: configuration, world: self.world, eventLoop: self.world.eventLoop)
        let offline = await #expect(throws: MQTTError.self) { try await client.reauthenticate() }
        #expect(offline?.code == .notConnected)
    }

    @Test(.receives("5:MQTT-4.12.1-2"))
    func `a refusal of the server ends the call with its reason`() async throws {
        let (client, peer) = try await self.connected()
        let call = Task { try await client.reauthenticate() }
        try await peer.expect(.auth("hello 2", .reauthenticate))
        try await peer.send(.disconnect(Disconnect(reason: .notAuthorized)))
        let error = await self.error(of: call)
        #expect(error?.code == .disconnectedByServer)
        #expect(error?.reason == .notAuthorized)
    }

    @Test(.sends("5:MQTT-4.12.1-2"), arguments: [TestAuthenticator.Step.answer, .finish])
    func `a refusal of ours says so to the server, and ends the call and the client`(
        step: TestAuthenticator.Step
    ) async throws {
        let (client, peer) = try await self.connected()
        self.authenticator.fail(step)
        let call = Task { try await client.reauthenticate() }
        try await peer.expect(.auth("hello 2", .reauthenticate))
        try await peer.send(step == .answer ? .auth("challenge") : .auth("proof", .success))
        try await peer.expect(.disconnect(Disconnect(reason: .unspecifiedError)))
        let error = await self.error(of: call)
        #expect(error?.code == .authenticationFailed)
        #expect(error?.cause as? TestAuthenticator.Failure == TestAuthenticator.Failure(step: step))
        guard case .disconnected = client.state else { throw UnexpectedPacket() }
    }

    @Test(arguments: [TestAuthenticator.Step.make, .begin])
    func `one that cannot begin leaves the connection as it is`(step: TestAuthenticator.Step) async throws {
        let (client, peer) = try await self.connected()
        self.authenticator.fail(step)
        let error = await #expect(throws: MQTTError.self) { try await client.reauthenticate() }
        #expect(error?.code == .credentialsUnavailable)
        #expect(client.state.isConnected)
        self.authenticator.fail(nil)
        async let done: Void = client.reauthenticate()
        guard case .auth = try await peer.next() else { throw UnexpectedPacket() }
        try await peer.send(.auth("proof", .success))
        try await done
    }

    @Test func `a lost connection ends the call, and the step that ran`() async throws {
        let (client, peer) = try await self.connected()
        self.authenticator.block(.answer)
        let call = Task { try await client.reauthenticate() }
        try await peer.expect(.auth("hello 2", .reauthenticate))
        try await peer.send(.auth("challenge"))
        await self.authenticator.blocked.wait()
        try await peer.cut()
        #expect(await self.error(of: call)?.code == .connectionLost)
        await AuthenticationTests.wait { self.authenticator.cancellations == 1 }
        _ = client
    }

    @Test func `disconnecting ends the call`() async throws {
        let (client, peer) = try await self.connected()
        let call = Task { try await client.reauthenticate() }
        try await peer.expect(.auth("hello 2", .reauthenticate))
        async let gone: Void = client.disconnect()
        try await peer.expect(.disconnect(Disconnect()))
        await gone
        #expect(await self.error(of: call)?.code == .clientClosed)
    }

    @Test func `cancelling ends the wait, and the exchange goes on`() async throws {
        let (client, peer) = try await self.connected()
        let call = Task { try await client.reauthenticate() }
        try await peer.expect(.auth("hello 2", .reauthenticate))
        call.cancel()
        #expect(await self.error(of: call)?.code == .cancelled)
        try await peer.send(.auth("challenge"))
        try await peer.expect(.auth("re:challenge:1"))
        try await peer.send(.auth("proof", .success))
        await AuthenticationTests.wait { self.authenticator.log.last == "finished" }
        #expect(client.state.isConnected)
    }

    @Test func `a server that does not answer loses the connection`() async throws {
        let (client, peer) = try await self.connected()
        let call = Task { try await client.reauthenticate() }
        try await peer.expect(.auth("hello 2", .reauthenticate))
        try await self.world.advance(by: .seconds(10))
        try await peer.expect(.disconnect(Disconnect(reason: .unspecifiedError)))
        #expect(await self.error(of: call)?.code == .timedOut)
        _ = client
    }
}
