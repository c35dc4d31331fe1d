// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTWire
import Testing

/// docs/ZMQTT.md: making a client, CONNECT, and the end of a connection.
@Suite(.timeLimit(.minutes(5))) struct ComingFromZMQTTConnectingTests {
    @Test func `a client is made without connecting, and its version is its type`() {
        let client = MQTT5Client(to: .tcp("localhost"), clientID: "my-app")
        #expect(!client.state.isConnected)
        #expect(client.clientID == "my-app")

        let older = MQTTClient<V311>(to: .tcp("localhost", port: 1884))
        #expect(type(of: older) == MQTT311Client.self)

        let byURL = try? MQTT311Client(to: Endpoint(url: "mqtt://localhost:1884"))
        #expect(byURL != nil)
    }

    @Test func `every setting has a default`() {
        let configuration = MQTT5Client.Configuration()
        #expect(configuration.keepAlive == .seconds(60))
        #expect(configuration.cleanStart == .always)
        #expect(configuration.sessionExpiry == .zero)
        #expect(configuration.credentials == nil)
        #expect(configuration.clientID.isEmpty)
        #expect(configuration.reconnect == ReconnectPolicy())
        #expect(MQTT311Client.Configuration().cleanSession)
        #expect(Endpoint.tcp("localhost").port == 1883)
        #expect(Endpoint.tls("localhost").port == 8883)
    }

    @Test func `CONNECT of 5_0 says what the configuration says`() async throws {
        var configuration = MQTT5Client.Configuration()
        configuration.clientID = "my-app"
        configuration.keepAlive = .seconds(30)
        configuration.cleanStart = .never
        configuration.sessionExpiry = .seconds(3_600)
        try await EchoServer<V5>.with(configuration) { client, server in
            let connect = try #require(server.connect)
            #expect(connect.clientID == "my-app")
            #expect(connect.keepAlive == 30)
            #expect(!connect.cleanStart)
            #expect(connect.properties.sessionExpiryInterval == 3_600)
            #expect(client.state.isConnected)
        }
    }

    @Test func `CONNECT of 3_1_1 keeps the session when told to`() async throws {
        var configuration = MQTT311Client.Configuration()
        configuration.cleanSession = false
        try await EchoServer<V311>.with(configuration) { _, server in
            #expect(server.connect?.cleanStart == false)
        }
        try await EchoServer<V311>.with { _, server in
            #expect(server.connect?.cleanStart == true)
        }
    }

    @Test func `a session that never expires is one without a duration`() async throws {
        var configuration = MQTT5Client.Configuration()
        configuration.sessionExpiry = nil
        try await EchoServer<V5>.with(configuration) { _, server in
            #expect(server.connect?.properties.sessionExpiryInterval == 0xFFFF_FFFF)
        }
    }

    @Test func `an empty client identifier is replaced by one that stays`() async throws {
        var configuration = MQTT5Client.Configuration()
        configuration.reconnect = ReconnectPolicy(initialDelay: .zero)
        try await EchoServer<V5>.with(configuration) { client, server in
            let first = try #require(server.connect?.clientID)
            #expect(!first.isEmpty)
            var events = client.events.makeAsyncIterator()
            server.accept()
            try await server.cut()
            while let event = await events.next() {
                if case .reconnecting = event { try await server.world.advance(by: .seconds(1)) }
                if case .connected = event { break }
            }
            #expect(server.connect?.clientID == first)
        }
    }

    @Test func `CONNECT carries every property`() async throws {
        var configuration = MQTT5Client.Configuration()
        configuration.sessionExpiry = .seconds(60)
        configuration.receiveMaximum = 20
        configuration.maximumPacketSize = 65_536
        configuration.topicAliasMaximum = 10
        configuration.requestResponseInformation = true
        configuration.requestProblemInformation = false
        configuration.connectProperties.appendUserProperty("region", "eu-west")
        configuration.connectProperties.appendUserProperty("region", "eu-north")
        try await EchoServer<V5>.with(configuration) { _, server in
            let properties = try #require(server.connect?.properties)
            #expect(properties.sessionExpiryInterval == 60)
            #expect(properties.receiveMaximum == 20)
            #expect(properties.maximumPacketSize == 65_536)
            #expect(properties.topicAliasMaximum == 10)
            #expect(properties.requestResponseInformation == true)
            #expect(properties.requestProblemInformation == false)
            #expect(properties.userProperties.map(\.value) == ["eu-west", "eu-north"])
        }
    }

    @Test func `keep-alive 0 sends no ping for an hour, and 60 sends them`() async throws {
        var configuration = MQTT5Client.Configuration()
        configuration.keepAlive = .zero
        try await EchoServer<V5>.with(configuration) { client, server in
            try await server.world.advance(by: .seconds(3_600))
            try await client.ping()
            #expect(server.packets.filter { $0 == .pingRequest }.count == 1)
        }
        try await EchoServer<V5>.with { client, server in
            try await server.world.advance(by: .seconds(59))
            try await client.ping()
            #expect(server.packets.filter { $0 == .pingRequest }.count == 2)
        }
    }

    @Test func `connecting returns when the server has accepted, and disconnecting is safe after a loss`() async throws
    {
        let server = EchoServer<V5>()
        let client = server.makeClient()
        server.accept()
        let info = try await client.connect()
        #expect(!info.sessionPresent)
        try await client.publish("hello", to: "test")

        var events = client.events.makeAsyncIterator()
        try await server.cut()
        while let event = await events.next() {
            if case .disconnected = event { break }
        }
        await client.disconnect()
        await client.disconnect()
        #expect(!client.state.isConnected)
    }

    @Test(
        arguments: [
            (0x80, .unspecifiedError, "Unspecified error"), (0x81, .malformedPacket, "Malformed packet"),
            (0x87, .notAuthorized, "Not authorized"), (0x88, .serverUnavailable, "Server unavailable"),
            (0x8A, .banned, "Banned"), (0x8C, .badAuthenticationMethod, "Bad authentication method"),
        ] as [(UInt8, ReasonCode, String)]
    )
    func `a refusal of CONNECT is an error with the reason of the server`(
        code: UInt8,
        reason: ReasonCode,
        name: String
    ) async throws {
        let server = EchoServer<V5>()
        let client = server.makeClient()
        server.accept(ConnAck(reason: ReasonCode(rawValue: code), properties: [.reasonString("why")]))
        let error = try #require(await #expect(throws: MQTTError.self) { try await client.connect() })
        #expect(error.code == .connectRefused)
        #expect(error.reason == reason)
        #expect(error.reason?.rawValue == code)
        #expect(error.reason?.name == name)
        #expect(error.properties.reasonString == "why")
    }

    @Test func `success is no error, and only DISCONNECT asks for the will`() async throws {
        try await EchoServer<V5>.with { client, server in
            let outcome = try await client.publish("hello", to: "test", qos: .atLeastOnce)
            #expect(outcome.reason == .success)
            try await client.disconnect(reason: .disconnectWithWill)
            #expect(ReasonCode.disconnectWithWill.rawValue == 0x04)
            #expect(!client.state.isConnected)
        }
    }

    @Test func `a loss ends a ping, and calls that do not wait say that there is no connection`() async throws {
        var configuration = MQTT5Client.Configuration()
        configuration.reconnect = ReconnectPolicy(initialDelay: .seconds(60))
        try await EchoServer<V5>.with(configuration) { client, server in
            server.ignorePings()
            async let lost = codeOfError { try await client.ping() }
            while !server.packets.contains(.pingRequest) { await Task.yield() }
            try await server.cut()
            #expect(await lost == .connectionLost)
            #expect(await codeOfError { try await client.ping() } == .notConnected)
            #expect(await codeOfError { try await client.publish("hello", to: "test") } == .notConnected)
            let fails = OfflinePolicy.Choice.fail
            let code = await codeOfError { _ = try await client.subscribe(to: "test", whenOffline: fails) }
            #expect(code == .notConnected)
        }
    }

    @Test func `a ping returns the round trip, or says that its time is over and leaves the connection`() async throws {
        try await EchoServer<V5>.with { client, server in
            let roundTrip: Duration = try await client.ping(timeout: .seconds(5))
            #expect(roundTrip == .zero)

            server.ignorePings()
            async let late = codeOfError { try await client.ping(timeout: .seconds(5)) }
            while server.packets.filter({ $0 == .pingRequest }).count < 2 { await Task.yield() }
            try await server.world.advance(by: .seconds(5))
            #expect(await late == .timedOut)
            #expect(client.state.isConnected)

            // The answer that comes late is not taken for that of the next ping.
            async let next = client.ping(timeout: .seconds(5))
            while server.packets.filter({ $0 == .pingRequest }).count < 3 { await Task.yield() }
            for _ in 0..<2 {
                try await server.world.advance(by: .seconds(1))
                try await server.write([0xD0, 0x00])
            }
            #expect(try await next == .seconds(2))
        }
    }

    @Test func `a server that breaks the protocol is left with an error that says so`() async throws {
        try await EchoServer<V5>.with { client, server in
            var events = client.events.makeAsyncIterator()
            // A packet of type 0 does not exist.
            try await server.write([0x00, 0x00])
            guard case .disconnected(let error) = await events.next() else { throw UnexpectedPacket() }
            #expect(error.code == .protocolViolation)
        }
    }

    @Test func `attempts are made as the policy says, and no more than it says`() async throws {
        var configuration = MQTT5Client.Configuration()
        configuration.reconnect.initialDelay = .seconds(1)
        configuration.reconnect.maximumDelay = .seconds(60)
        configuration.reconnect.factor = 2
        configuration.reconnect.maximumAttempts = 5
        try await EchoServer<V5>.with(configuration) { client, server in
            let messages = try await client.subscribe(to: "sensors/#")
            var events = client.events.makeAsyncIterator()
            server.world.refuse(.max)
            try await server.cut()
            var bounds: [Duration] = [.seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(16)]
            var attempts = 0
            while let event = await events.next() {
                if case .reconnecting(let attempt, let wait) = event {
                    #expect(attempt == attempts + 1)
                    #expect(wait <= bounds.removeFirst())
                    attempts = attempt
                    try await server.world.advance(by: wait)
                }
                if case .gaveUp(let error) = event {
                    #expect(error.code == .transportFailed)
                    break
                }
            }
            #expect(attempts == 5)
            #expect(await codeOfError { _ = try await messages.next() } == .transportFailed)
        }
    }

    @Test func `without reconnecting the first loss ends everything`() async throws {
        var configuration = MQTT5Client.Configuration()
        configuration.reconnect.isEnabled = false
        try await EchoServer<V5>.with(configuration) { client, server in
            let messages = try await client.subscribe(to: "sensors/#")
            try await server.cut()
            #expect(await codeOfError { _ = try await messages.next() } == .connectionLost)
        }
    }

    @Test func `the defaults of reconnecting are these`() {
        let policy = ReconnectPolicy()
        #expect(policy.isEnabled)
        #expect(policy.initialDelay == .seconds(1))
        #expect(policy.maximumDelay == .seconds(60))
        #expect(policy.factor == 2)
        #expect(policy.maximumAttempts == nil)
        #expect(!ReconnectPolicy.never.isEnabled)
    }
}
