// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTWire
import NIOCore
import Testing

/// docs/ZMQTT.md: requests and replies, enhanced authentication.
@Suite(.timeLimit(.minutes(5))) struct ComingFromZMQTTRequestTests {
    @Test func `a request is answered by a responder written by hand`() async throws {
        try await EchoServer<V5>.with { client, server in
            let requests = try await client.subscribe(to: "services/translate")
            let responder = Task {
                for try await request in requests {
                    guard let responseTopic = request.properties.responseTopic else { continue }
                    var properties = Properties()
                    properties.correlationData = request.properties.correlationData
                    try await client.publish("bonjour", to: responseTopic, properties: properties)
                }
            }
            let reply = try await client.request("hello", to: "services/translate")
            #expect(reply.text == "bonjour")
            await requests.unsubscribe()
            try await responder.value

            let request = try #require(server.publishes.first)
            #expect(request.properties.correlationData?.readableBytes == 16)
            let topic = try #require(request.properties.responseTopic)
            #expect(topic.hasPrefix("_swift-mqtt/reply/"))
            // Subscribed to before it was asked.
            let asked = try #require(server.packets.firstIndex(of: .publish(request)))
            let filters = server.packets[..<asked].flatMap { packet -> [String] in
                if case .subscribe(let subscribe) = packet { subscribe.entries.map(\.filter) } else { [] }
            }
            #expect(try filters.contains { try TopicFilter($0).matches(topic) })
        }
    }

    @Test func `the same with serve`() async throws {
        try await EchoServer<V5>.with { client, server in
            let serving = Task {
                try await client.serve("services/translate") { request in MQTTReply("bonjour") }
            }
            while server.subscribes.isEmpty { await Task.yield() }
            let reply = try await client.request("hello", to: "services/translate", timeout: .seconds(10))
            #expect(reply.text == "bonjour")
            #expect(reply.topic == server.publishes.first?.properties.responseTopic)
            serving.cancel()
            try await serving.value
        }
    }

    @Test func `properties of a request are used and forwarded as they are`() async throws {
        try await EchoServer<V5>.with { client, server in
            let serving = Task { try await client.serve("services/translate") { _ in MQTTReply("bonjour") } }
            while server.subscribes.isEmpty { await Task.yield() }
            var properties: Properties = [.contentType("text/plain"), .messageExpiryInterval(60)]
            properties.responseTopic = "my-app/replies/translate"
            properties.correlationData = ByteBuffer(string: "req-001")
            properties.appendUserProperty("from", "en")
            let reply = try await client.request("hello", to: "services/translate", properties: properties)
            #expect(reply.topic == "my-app/replies/translate")
            #expect(reply.properties.correlationData == ByteBuffer(string: "req-001"))
            #expect(server.publishes.first?.properties == properties)
            serving.cancel()
            try await serving.value
        }
    }

    @Test func `a request without a reply ends at its timeout and leaves no subscription`() async throws {
        var configuration = MQTT5Client.Configuration()
        configuration.requests.idleLimit = .zero
        try await EchoServer<V5>.with(configuration) { client, server in
            async let code = codeOfError {
                _ = try await client.request("ping", to: "slow/service", timeout: .seconds(5))
            }
            while server.publishes.isEmpty { await Task.yield() }
            try await server.world.advance(by: .seconds(5))
            #expect(await code == .timedOut)
            try await client.ping()
            #expect(server.unsubscribed == server.subscribes.flatMap(\.entries).map(\.filter))
        }
    }

    @Test func `a request waits 30 seconds unless told otherwise`() async throws {
        var configuration = MQTT5Client.Configuration()
        configuration.keepAlive = .zero
        try await EchoServer<V5>.with(configuration) { client, server in
            let request = Task { try await client.request("ping", to: "slow/service") }
            while server.publishes.isEmpty { await Task.yield() }
            try await server.world.advance(by: .milliseconds(29_999))
            try await client.ping()
            try await server.world.advance(by: .milliseconds(1))
            #expect(await codeOfError { _ = try await request.value } == .timedOut)
            #expect(server.world.now.nanoseconds == 30_000_000_000)
        }
    }

    @Test func `a request ends with the connection, or waits for the next one when told to`() async throws {
        var configuration = MQTT5Client.Configuration()
        configuration.reconnect = ReconnectPolicy(initialDelay: .seconds(60))
        try await EchoServer<V5>.with(configuration) { client, server in
            async let fails = codeOfError { _ = try await client.request("ping", to: "slow/service") }
            let waiting = Task {
                try await client.request("ping", to: "slow/service", whenDisconnected: .wait)
            }
            while server.publishes.count < 2 { await Task.yield() }
            try await server.cut()
            #expect(await fails == .connectionLost)
            // Nothing but its timeout has ended the other one.
            try await server.world.advance(by: .seconds(30))
            #expect(await codeOfError { _ = try await waiting.value } == .timedOut)
        }
    }

    @Test func `a method and data are those of an authenticator, in CONNECT and again later`() async throws {
        let server = EchoServer<V5>()
        let authenticator = TestAuthenticator()
        var configuration = MQTT5Client.Configuration()
        configuration.authenticator = authenticator
        let client = server.makeClient(configuration)
        async let connected = client.connect()
        let peer = await server.world.accept()
        guard case .connect(let connect) = try await peer.next() else { throw UnexpectedPacket() }
        #expect(connect.properties.authenticationMethod == "TEST")
        #expect(connect.properties.authenticationData == ByteBuffer(string: "hello 1"))
        try await peer.send(.auth("challenge"))
        try await peer.expect(.auth("re:challenge:1"))
        try await peer.send(.proof())
        _ = try await connected

        let again = Task { try await client.reauthenticate() }
        try await peer.expect(.auth("hello 2", .reauthenticate))
        try await peer.send(.auth("proof", .success))
        try await again.value
        await client.disconnect()
        #expect(await codeOfError { try await client.reauthenticate() } == .notConnected)
    }

    @Test func `an AUTH carries data, a reason string and user properties`() async throws {
        /// Says one thing and believes everything.
        struct Frank: Authenticator, AuthenticationExchange {
            let method = "FRANK"
            func makeExchange() async throws -> any AuthenticationExchange { self }
            func begin() async throws -> AuthenticationMessage { AuthenticationMessage() }
            func answer(_ challenge: AuthenticationMessage) async throws -> AuthenticationMessage {
                var message = AuthenticationMessage(data: ByteBuffer(string: "client-final"))
                message.reasonString = "because"
                message.userProperties = [(name: "realm", value: "a"), (name: "realm", value: "b")]
                return message
            }
            func finish(_ message: AuthenticationMessage) async throws {}
        }
        let server = EchoServer<V5>()
        var configuration = MQTT5Client.Configuration()
        configuration.authenticator = Frank()
        let client = server.makeClient(configuration)
        async let connected = client.connect()
        let peer = await server.world.accept()
        guard case .connect(let connect) = try await peer.next() else { throw UnexpectedPacket() }
        #expect(connect.properties.authenticationMethod == "FRANK")
        let method: Properties = [.authenticationMethod("FRANK")]
        try await peer.send(.auth(Auth(reason: .continueAuthentication, properties: method)))
        guard case .auth(let auth) = try await peer.next() else { throw UnexpectedPacket() }
        #expect(auth.properties.authenticationMethod == "FRANK")
        #expect(auth.properties.authenticationData == ByteBuffer(string: "client-final"))
        #expect(auth.properties.reasonString == "because")
        #expect(auth.properties.userProperties.map(\.value) == ["a", "b"])
        try await peer.send(.connAck(ConnAck(properties: method)))
        _ = try await connected
    }
}
