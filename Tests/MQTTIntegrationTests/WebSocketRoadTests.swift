// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTT
import MosquittoFixture
import Synchronization
import Testing

/// A real broker behind WebSocket, with and without TLS.
@Suite(.timeLimit(.minutes(10))) struct WebSocketRoadTests {
    private static func endpoint(
        _ server: MosquittoServer,
        isSecured: Bool,
        _ settings: WebSocketSettings = WebSocketSettings()
    ) -> Endpoint {
        guard isSecured else { return .webSocket("127.0.0.1", port: server.webSocketPort, settings) }
        let tls = TLSSettings(trust: .file(server.caFile))
        return .secureWebSocket("localhost", port: server.secureWebSocketPort, settings, tls: tls)
    }

    @Test(
        .sends("5:MQTT-6.0.0-1", "5:MQTT-6.0.0-3", "3.1.1:MQTT-6.0.0-1", "3.1.1:MQTT-6.0.0-3"),
        .receives("5:MQTT-6.0.0-2", "3.1.1:MQTT-6.0.0-2"),
        arguments: TestedVersion.allCases,
        [false, true]
    )
    func `messages of every QoS and of 1 MiB come back over WebSocket`(
        version: TestedVersion,
        isSecured: Bool
    ) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline(.seconds(240)) {
                let options = MosquittoServer.Options(tls: isSecured ? .init() : nil, webSocket: true)
                try await MosquittoServer.withServer(options) { server in
                    try await server.keptAwake {
                        try await Roads.carryMessages(V.self, over: Self.endpoint(server, isSecured: isSecured))
                    }
                }
            }
        }
        try await run(version.type)
    }

    @Test(arguments: TestedVersion.allCases, [false, true])
    func `the client comes back over WebSocket when the broker was restarted, with headers anew`(
        version: TestedVersion,
        isSecured: Bool
    ) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline(.seconds(240)) {
                let options = MosquittoServer.Options(tls: isSecured ? .init() : nil, webSocket: true)
                try await MosquittoServer.withServer(options) { server in
                    let asked = Atomic(0)
                    let settings = WebSocketSettings { defaults in
                        asked.add(1, ordering: .relaxed)
                        var headers = defaults
                        headers.set("Bearer \(asked.load(ordering: .relaxed))", for: "Authorization")
                        return headers
                    }
                    let endpoint = Self.endpoint(server, isSecured: isSecured, settings)
                    try await Roads.outliveRestarts(V.self, of: server, over: endpoint)
                    #expect(asked.load(ordering: .relaxed) >= 3)
                }
            }
        }
        try await run(version.type)
    }

    @Test func `disconnecting is not held up by the broker's side of closing`() async throws {
        try await withDeadline {
            try await MosquittoServer.withServer(.init(webSocket: true)) { server in
                let client = MQTT5Client(to: Self.endpoint(server, isSecured: false))
                try await client.connect()
                let start = ContinuousClock.now
                await client.disconnect()
                // Far more than it takes, on a slow machine too.
                #expect(ContinuousClock.now - start < .seconds(20))
            }
        }
    }

    @Test func `a plain MQTT port asked for a WebSocket is named`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let client = MQTT5Client(to: .webSocket("127.0.0.1", port: server.port))
            let error = try await failure(.transportFailed) { try await client.connect() }
            let cause = try #require(error.cause as? TransportError)
            #expect(cause.code == .webSocketRefused && cause.stage == .webSocket)
            #expect(cause.message.contains("without an answer"), "\(cause)")
        }
    }

    @Test func `a function without headers ends the first attempt, with what it threw`() async throws {
        struct NoToken: Error {}
        try await withDeadline {
            let server = try await SharedBroker.server
            let settings = WebSocketSettings { _ in throw NoToken() }
            let client = MQTT5Client(to: .webSocket("127.0.0.1", port: server.port, settings))
            let error = try await failure(.transportFailed) { try await client.connect() }
            let cause = try #require(error.cause as? TransportError)
            #expect(cause.code == .headersUnavailable && cause.cause is NoToken)
        }
    }
}
