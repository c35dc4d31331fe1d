// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import Testing

/// docs/ZMQTT.md: what needs a real server and a real network.
@Suite(.timeLimit(.minutes(5))) struct ComingFromZMQTTTests {
    @Test func `a scope connects on the way in and disconnects on the way out`() async throws {
        try await withDeadline {
            let port = try await SharedBroker.server.port
            let topic = unique("scope")
            let left = try await MQTT5Client.withClient(to: .tcp("127.0.0.1", port: port)) { client in
                try await client.publish("hello", to: topic)
                #expect(client.state.isConnected)
                return client
            }
            #expect(!left.state.isConnected)
        }
    }

    @Test func `connecting and disconnecting may be two calls`() async throws {
        try await withDeadline {
            let port = try await SharedBroker.server.port
            let client = MQTT311Client(to: .tcp("127.0.0.1", port: port))
            try await client.connect()
            try await client.publish("hello", to: unique("manual"), qos: .atLeastOnce)
            await client.disconnect()
            #expect(!client.state.isConnected)
        }
    }

    @Test func `a user name and a password are sent, and a wrong one is refused`() async throws {
        try await withDeadline {
            try await MosquittoServer.withServer(.init(users: ["user": "secret"])) { server in
                let endpoint = Endpoint.tcp("127.0.0.1", port: server.port)
                let credentials = Credentials(username: "user", password: "secret")
                let client = MQTT5Client(to: endpoint, credentials: credentials)
                try await client.connect()
                await client.disconnect()

                let wrong = Credentials(username: "user", password: "wrong")
                let stranger = MQTT5Client(to: endpoint, credentials: wrong)
                let error = try await failure(.connectRefused) { try await stranger.connect() }
                #expect(error.reason == .notAuthorized)
            }
        }
    }

    @Test func `TLS trusts the authorities of the system, or those of a file`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let (host, port) = ("localhost", server.tlsPort)
            let strict = MQTT5Client(to: .tls(host, port: port))
            // The system does not know the authority of the test.
            try await failure(.transportFailed) { try await strict.connect() }

            let settings = TLSSettings(trust: .file(server.caFile))
            let client = MQTT5Client(to: .tls(host, port: port, settings))
            try await client.connect()
            await client.disconnect()
        }
    }
}
