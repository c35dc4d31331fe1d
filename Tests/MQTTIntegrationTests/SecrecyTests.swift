// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import InMemoryLogging
import Logging
import MQTT
import MosquittoFixture
import NIOCore
import Testing

/// Credentials and payloads never reach a log or an error.
@Suite(.timeLimit(.minutes(10))) struct SecrecyTests {
    private static let name = "marker-user-name"
    private static let password = "marker-password"
    private static let payload = "marker-payload"

    private func check(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) {
        for marker in [Self.name, Self.password, Self.payload] {
            #expect(!text.contains(marker), sourceLocation: sourceLocation)
        }
    }

    @Test(arguments: TestedVersion.allCases)
    func `attack credentials in logs: logs at every level and errors hold no secret`(
        version: TestedVersion
    ) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                try await MosquittoServer.withServer(.init(users: [Self.name: Self.password])) { server in
                    try await CuttingProxy.withProxy(to: server.port) { proxy in
                        let handler = InMemoryLogHandler()
                        var logger = Logger(label: "test") { _ in handler }
                        logger.logLevel = .trace
                        try await self.makeNoise(V.self, proxy, logger)
                        let entries = handler.entries
                        #expect(entries.count > 4)
                        for entry in entries {
                            self.check("\(entry.message) \(entry.metadata) \(entry.error.map { "\($0)" } ?? "")")
                        }
                    }
                }
            }
        }
        try await run(version.type)
    }

    private func makeNoise<V: TestVersion>(_: V.Type, _ proxy: CuttingProxy, _ logger: Logger) async throws {
        var configuration = MQTTClient<V>.Configuration()
        configuration.logger = logger
        configuration.reconnect = .fast
        configuration.credentials = Credentials(username: Self.name, password: Self.password)
        configuration.will = Will(topic: "will", payload: ByteBuffer(string: Self.payload))
        var text = ""
        dump(configuration.credentials, to: &text)
        self.check(text)

        let client = MQTTClient<V>(
            to: .tcp("127.0.0.1", port: proxy.port),
            clientID: "secret",
            configuration: configuration
        )
        var events = client.events.makeAsyncIterator()
        try await client.connect()
        let messages = try await client.subscribe(to: "t", qos: .exactlyOnce)
        for qos in QoS.allCases { try await client.publish(Self.payload, to: "t", qos: qos) }
        for message in try await messages.take(3) { self.check("\(message)") }
        try await proxy.cut()
        try await wait(for: "the loss", in: &events) { event in
            self.check("\(event)")
            return event.isDisconnected
        }
        try await wait(for: "connected", in: &events) { event in
            self.check("\(event)")
            return event.isConnected
        }
        let error = try await failure(.invalidTopic) { try await client.publish(Self.payload, to: "#") }
        self.check("\(error)")
        await client.disconnect()

        configuration.credentials = Credentials(username: Self.name, password: "\(Self.password)-but-wrong")
        let refused = MQTTClient<V>(to: .tcp("127.0.0.1", port: proxy.port), configuration: configuration)
        let refusal = try await failure(.connectRefused) { try await refused.connect() }
        self.check("\(refusal)")
        let url = "mqtt://\(Self.name):\(Self.password)@127.0.0.1:1"
        let nobody = MQTTClient<V>(to: try Endpoint(url: url), configuration: configuration)
        let unreachable = try await failure(.transportFailed) { try await nobody.connect() }
        self.check("\(unreachable)")
    }
}
