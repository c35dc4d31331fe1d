// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MQTTWire
import NIOCore
import NIOEmbedded
import Testing

/// Enhanced authentication of the whole client, over channels in memory.
@Suite(.timeLimit(.minutes(5)))
struct AuthenticationTests {
    private static func client(
        _ world: VirtualWorld,
        _ authenticator: TestAuthenticator?,
        _ change: (inout MQTT5Client.Configuration) -> Void = { _ in }
    ) -> MQTT5Client {
        var configuration = MQTT5Client.Configuration()
        configuration.clientID = "virtual"
        configuration.authenticator = authenticator
        change(&configuration)
        return MQTT5Client(configuration: configuration, world: world, eventLoop: world.eventLoop)
    }

    /// A client that has authenticated without a round, and the server's end.
    private static func connected(
        _ world: VirtualWorld,
        _ authenticator: TestAuthenticator,
        _ change: (inout MQTT5Client.Configuration) -> Void = { _ in }
    ) async throws -> (client: MQTT5Client, peer: ScriptedPeer) {
        let client = Self.client(world, authenticator, change)
        async let connected = client.connect()
        let peer = await world.accept()
        _ = try await peer.next()
        try await peer.send(.proof())
        _ = try await connected
        return (client, peer)
    }

    private static func error(of task: Task<some Sendable, any Error>) async -> MQTTError? {
        switch await task.result {
        case .success: nil
        case .failure(let error): error as? MQTTError
        }
    }

    @Test(.sends("5:MQTT-4.12.0-3", "5:MQTT-4.12.0-5", "U5-3.15.2-1?"))
    func `connecting takes as many rounds as the server wants, in one exchange`() async throws {
        let world = VirtualWorld(version: .v5)
        let authenticator = TestAuthenticator()
        let client = Self.client(world, authenticator)
        async let connected = client.connect()
        let peer = await world.accept()
        guard case .connect(let connect) = try await peer.next() else { throw UnexpectedPacket() }
        #expect(Properties(Array(connect.properties.dropFirst())) == .test("hello 1"))
        for round in 1...3 {
            try await peer.send(.auth("challenge"))
            try await peer.expect(.auth("re:challenge:\(round)"))
        }
        try await peer.send(.auth(nil))
        try await peer.expect(.auth("re:nothing:4"))
        try await peer.send(.proof())
        let info = try await connected
        #expect(info.properties == .test(nil))
        #expect(authenticator.log == ["make", "begin", "answer", "answer", "answer", "answer", "finish", "finished"])
    }

    @Test func `nothing behind CONNACK is delivered before the server's proof was found good`() async throws {
        let world = VirtualWorld(version: .v5)
        let authenticator = TestAuthenticator(blocking: .finish)
        let client = Self.client(world, authenticator) {
            $0.cleanStart = .never
            $0.sessionExpiry = .seconds(60)
            $0.unexpectedSession = .adopt
        }
        let messages = try client.declareSubscription(to: "a", qos: .atLeastOnce)
        async let connected = client.connect()
        let peer = await world.accept()
        _ = try await peer.next()
        let connAck = Packet.connAck(ConnAck(sessionPresent: true, properties: .test("proof")))
        let first = Publish(topic: "a", payload: ByteBuffer(string: "1"), qos: .atLeastOnce, packetID: .first)
        let second = Publish(topic: "a", payload: ByteBuffer(string: "2"), qos: .atLeastOnce, packetID: .first.next)
        try await peer.send(connAck, .publish(first))
        await authenticator.blocked.wait()
        // What is read all the same waits, too.
        try await peer.send(.publish(second))
        #expect(try await peer.isReading == false)
        #expect(!client.state.isConnected)

        async let read = [try await messages.next()?.text, try await messages.next()?.text]
        authenticator.note("released")
        authenticator.release()
        _ = try await connected
        #expect(try await read == ["1", "2"])
        #expect(authenticator.log == ["make", "begin", "finish", "released", "finished"])
        #expect(try await peer.isReading == true)
        var acknowledged: [Packet] = []
        while acknowledged.count < 2 {
            let packet = try await peer.next()
            if case .pubAck = packet { acknowledged.append(packet) }
        }
        let expected = [PacketID.first, .first.next].map { Packet.pubAck(Acknowledgement(packetID: $0)) }
        #expect(acknowledged == expected)
    }

    @Test func `a server without the right proof gets DISCONNECT, and delivers nothing`() async throws {
        let world = VirtualWorld(version: .v5)
        let authenticator = TestAuthenticator()
        let client = Self.client(world, authenticator) { $0.retriesFirstAttempt = true }
        let messages = try client.declareSubscription(to: "a", qos: .atLeastOnce)
        let connecting = Task { try await client.connect() }
        let peer = await world.accept()
        _ = try await peer.next()
        let publish = Publish(topic: "a", payload: ByteBuffer(string: "1"), qos: .atLeastOnce, packetID: .first)
        try await peer.send(.proof("a lie"), .publish(publish))
        try await peer.expect(.disconnect(Disconnect(reason: .unspecifiedError)))
        let error = await Self.error(of: connecting)
        #expect(error?.code == .authenticationFailed)
        #expect(error?.cause is TestAuthenticator.WrongProof)
        let ended = await #expect(throws: MQTTError.self) { try await messages.next() }
        #expect(ended?.code == .authenticationFailed)
    }

    @Test(arguments: TestAuthenticator.Step.allCases)
    func `an authenticator that throws fails the attempt`(step: TestAuthenticator.Step) async throws {
        let world = VirtualWorld(version: .v5)
        let authenticator = TestAuthenticator(failing: step)
        let client = Self.client(world, authenticator)
        let connecting = Task { try await client.connect() }
        if step == .answer || step == .finish {
            let peer = await world.accept()
            _ = try await peer.next()
            try await peer.send(step == .answer ? .auth("challenge") : .proof())
            try await peer.expect(.disconnect(Disconnect(reason: .unspecifiedError)))
        }
        let error = await Self.error(of: connecting)
        let isBefore = step == .make || step == .begin
        #expect(error?.code == (isBefore ? .credentialsUnavailable : .authenticationFailed))
        #expect(error?.cause as? TestAuthenticator.Failure == TestAuthenticator.Failure(step: step))
        // The next attempt begins from nothing.
        authenticator.fail(nil)
        async let connected = client.connect()
        let peer = await world.accept()
        _ = try await peer.next()
        try await peer.send(.proof())
        _ = try await connected
    }

    @Test func `an authenticator that cannot begin is asked again, as the reconnect policy says`() async throws {
        let world = VirtualWorld(version: .v5)
        let authenticator = TestAuthenticator(failing: .make)
        let client = Self.client(world, authenticator) { $0.retriesFirstAttempt = true }
        var events = client.events.makeAsyncIterator()
        async let connected = client.connect()
        guard case .disconnected = await events.next() else { throw UnexpectedPacket() }
        guard case .reconnecting(_, let wait) = await events.next() else { throw UnexpectedPacket() }
        authenticator.fail(nil)
        try await world.advance(by: wait)
        let peer = await world.accept()
        _ = try await peer.next()
        try await peer.send(.proof())
        _ = try await connected
    }

    @Test func `each connection has an exchange of its own`() async throws {
        let world = VirtualWorld(version: .v5)
        let authenticator = TestAuthenticator()
        let (client, first) = try await Self.connected(world, authenticator)
        var events = client.events.makeAsyncIterator()
        try await first.cut()
        guard case .disconnected = await events.next() else { throw UnexpectedPacket() }
        guard case .reconnecting(_, let wait) = await events.next() else { throw UnexpectedPacket() }
        try await world.advance(by: wait)
        let second = await world.accept()
        guard case .connect(let connect) = try await second.next() else { throw UnexpectedPacket() }
        #expect(Properties(Array(connect.properties.dropFirst())) == .test("hello 2"))
        try await second.send(.proof())
        guard case .connected = await events.next() else { throw UnexpectedPacket() }
    }

    // MARK: - What a server may not do

    /// Bytes of a packet, whether they come once the connection stands, and what they are answered with.
    private static let offences: [(name: String, bytes: [UInt8], reason: ReasonCode)] = [
        ("another method", [0xF0, 6, 0x18, 4, 0x15, 0, 1, 0x4E], .protocolError),
        ("no method", [0xF0, 2, 0x18, 0], .protocolError),
        ("nothing", [0xF0, 0], .protocolError),
        ("a wish to authenticate again", [0xF0, 9, 0x19, 7, 0x15, 0, 4, 0x54, 0x45, 0x53, 0x54], .protocolError),
        ("an unlisted reason", [0xF0, 9, 0x87, 7, 0x15, 0, 4, 0x54, 0x45, 0x53, 0x54], .protocolError),
        ("reserved bits", [0xF1, 9, 0x18, 7, 0x15, 0, 4, 0x54, 0x45, 0x53, 0x54], .malformedPacket),
    ]

    @Test(
        .receives("5:MQTT-3.15.1-1", "5:MQTT-3.15.2-1", "5:MQTT-4.12.0-5", "U5-3.15.2-1?", "U5-4.13.1-1"),
        arguments: offences.indices,
        [false, true]
    )
    func `an AUTH that breaks the rules closes the connection`(index: Int, isConnected: Bool) async throws {
        let offence = Self.offences[index]
        let world = VirtualWorld(version: .v5)
        let client = Self.client(world, TestAuthenticator())
        let connecting = Task { try await client.connect() }
        let peer = await world.accept()
        _ = try await peer.next()
        var reauthenticating: Task<Void, any Error>?
        if isConnected {
            try await peer.send(.proof())
            _ = try await connecting.value
            reauthenticating = Task { try await client.reauthenticate() }
            try await peer.expect(.auth("hello 2", .reauthenticate))
        }
        try await peer.write(ByteBuffer(bytes: offence.bytes))
        try await peer.expect(.disconnect(Disconnect(reason: offence.reason)))
        let error =
            if let reauthenticating { await Self.error(of: reauthenticating) } else { await Self.error(of: connecting) }
        #expect(error?.code == .protocolViolation, "\(offence.name)")
        await client.disconnect()
    }

    @Test(.receives("5:MQTT-4.12.0-6"), arguments: [false, true])
    func `a client without an authenticator takes no AUTH`(isConnected: Bool) async throws {
        let world = VirtualWorld(version: .v5)
        let client = Self.client(world, nil)
        let connecting = Task { try await client.connect() }
        let peer = await world.accept()
        _ = try await peer.next()
        if isConnected {
            try await peer.send(.connAck(ConnAck()))
            _ = try await connecting.value
        }
        try await peer.send(.auth("challenge"))
        try await peer.expect(.disconnect(Disconnect(reason: .protocolError)))
        await client.disconnect()
    }

    @Test func `a server that never stops asking is given up`() async throws {
        let world = VirtualWorld(version: .v5)
        let client = Self.client(world, TestAuthenticator())
        let connecting = Task { try await client.connect() }
        let peer = await world.accept()
        _ = try await peer.next()
        for round in 1...32 {
            try await peer.send(.auth("again"))
            try await peer.expect(.auth("re:again:\(round)"))
        }
        try await peer.send(.auth("again"))
        try await peer.expect(.disconnect(Disconnect(reason: .unspecifiedError)))
        #expect(await Self.error(of: connecting)?.code == .authenticationFailed)
    }

    @Test(arguments: [TestAuthenticator.Step.answer, .finish])
    func `an authenticator that takes too long is cancelled with its connection`(
        step: TestAuthenticator.Step
    ) async throws {
        let world = VirtualWorld(version: .v5)
        let authenticator = TestAuthenticator(blocking: step)
        let client = Self.client(world, authenticator) { $0.handshakeTimeout = .seconds(7) }
        let connecting = Task { try await client.connect() }
        let peer = await world.accept()
        _ = try await peer.next()
        try await peer.send(step == .answer ? .auth("challenge") : .proof())
        await authenticator.blocked.wait()
        try await world.advance(by: .seconds(7))
        #expect(await Self.error(of: connecting)?.code == .timedOut)
        await Self.wait { authenticator.cancellations == 1 }
    }

    // MARK: - The user's end

    @Test(arguments: TestAuthenticator.Step.allCases)
    func `a cancelled connect ends the exchange, wherever it stands`(step: TestAuthenticator.Step) async throws {
        let world = VirtualWorld(version: .v5)
        let authenticator = TestAuthenticator(blocking: step)
        let client = Self.client(world, authenticator)
        let connecting = Task { try await client.connect() }
        if step == .answer || step == .finish {
            let peer = await world.accept()
            _ = try await peer.next()
            try await peer.send(step == .answer ? .auth("challenge") : .proof())
        }
        await authenticator.blocked.wait()
        connecting.cancel()
        #expect(await Self.error(of: connecting)?.code == .cancelled)
        await Self.wait { authenticator.cancellations == 1 }
        guard case .disconnected = client.state else { throw UnexpectedPacket() }
        // The client is as good as new.
        authenticator.block(nil)
        async let connected = client.connect()
        let peer = await world.accept()
        _ = try await peer.next()
        try await peer.send(.proof())
        _ = try await connected
    }

    @Test func `authentication in the CONNECT properties is refused: it needs an authenticator`() async throws {
        for property in [Property.authenticationMethod("M"), .authenticationData(ByteBuffer())] {
            let client = Self.client(VirtualWorld(version: .v5), nil) { $0.connectProperties = [property] }
            let error = await #expect(throws: MQTTError.self) { try await client.connect() }
            #expect(error?.code == .invalidArgument)
        }
    }

    /// Waits for what another task is about to do.
    static func wait(for condition: () -> Bool) async { while !condition() { await Task.yield() } }
}

extension ScriptedPeer {
    /// What the client last asked of the channel; a channel reads until it is told not to.
    var isReading: Bool {
        get async throws {
            try await self.channel.testingEventLoop.executeInContext {
                let option = self.channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }
                return option?.value as? Bool ?? true
            }
        }
    }
}
