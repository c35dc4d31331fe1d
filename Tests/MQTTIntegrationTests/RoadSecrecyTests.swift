// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import InMemoryLogging
import Logging
import MQTT
import MosquittoFixture
import Testing

/// What roads say in the log: each loosening of TLS once, and nothing that is secret.
@Suite(.timeLimit(.minutes(5))) struct RoadSecrecyTests {
    private static func configuration(_ handler: InMemoryLogHandler) -> MQTT5Client.Configuration {
        var configuration = MQTT5Client.Configuration()
        var logger = Logger(label: "test") { _ in handler }
        logger.logLevel = .trace
        configuration.logger = logger
        configuration.reconnect = .fast
        configuration.handshakeTimeout = .seconds(100)
        return configuration
    }

    @Test func `each loosening of TLS is a warning, once in the client's life`() async throws {
        try await withDeadline {
            try await MosquittoServer.withServer(.init(tls: .init())) { server in
                let handler = InMemoryLogHandler()
                let settings = TLSSettings(minimumVersion: .tls11, verification: .insecureNone)
                let endpoint = Endpoint.tls("localhost", port: server.tlsPort, settings)
                // The same twice is no second warning.
                let client = MQTT5Client(to: [endpoint, endpoint], configuration: Self.configuration(handler))
                var events = client.events.makeAsyncIterator()
                try await client.connect()
                try await server.restart()
                try await wait(for: "the loss", in: &events) { $0.isDisconnected }
                try await wait(for: "the next connection", in: &events) { $0.isConnected }
                await client.disconnect()
                let warnings = handler.entries.filter { $0.level == .warning }.map { "\($0.message)" }
                #expect(warnings.count == 2, "\(warnings)")
                for words in ["not checked at all", "TLS 1.1"] {
                    #expect(warnings.contains { $0.contains(words) && $0.contains("mqtts://localhost") }, "\(warnings)")
                }
            }
        }
    }

    @Test func `secure settings are no warning`() async throws {
        let handler = InMemoryLogHandler()
        let server = try await RoadServers.broker
        let settings = TLSSettings(trust: .file(server.caFile))
        let client = MQTT5Client(
            to: .tls("localhost", port: server.tlsPort, settings),
            configuration: Self.configuration(handler)
        )
        try await client.connect()
        await client.disconnect()
        #expect(handler.entries.allSatisfy { $0.level < .warning })
    }

    @Test func `attack credentials in logs: those of proxies, headers and queries are nowhere`() async throws {
        let marker = "marker-of-a-secret"
        let handler = InMemoryLogHandler()
        let broker = try await RoadServers.webSocketBroker
        var errors: [MQTTError] = []
        try await TinyProxy.withProxy(user: "someone", password: "else") { proxy in
            let webSocket = WebSocketSettings(path: "/nowhere?token=\(marker)", headers: ["Authorization": marker])
            for port in [broker.webSocketPort, 1] {
                for password in ["else", marker] {
                    var endpoint = Endpoint.webSocket("127.0.0.1", port: port, webSocket)
                    endpoint.proxy = .through(
                        .http("127.0.0.1", port: proxy.port, username: "someone", password: password)
                    )
                    let client = MQTT5Client(to: endpoint, configuration: Self.configuration(handler))
                    do throws(MQTTError) { try await client.connect() } catch { errors.append(error) }
                    await client.disconnect()
                    var dumped = ""
                    dump(endpoint, to: &dumped)
                    #expect(!dumped.contains(marker))
                }
            }
        }
        // A wrong password twice, and a port where nobody is.
        #expect(errors.count == 3, "\(errors)")
        for error in errors {
            var dumped = ""
            dump(error, to: &dumped)
            #expect(!"\(error)\(dumped)".contains(marker), "\(error)")
        }
        #expect(!handler.entries.isEmpty)
        for entry in handler.entries { #expect(!"\(entry.message) \(entry.metadata)".contains(marker)) }
    }
}
