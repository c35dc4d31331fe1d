// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import Testing

/// Requests and replies between two clients of a real broker.
@Suite(.timeLimit(.minutes(10))) struct RequestTests {
    /// Runs `body` with a client that asks, while another one serves.
    static func serving(
        _ topic: String,
        concurrency: Int = 16,
        _ handler: @escaping @Sendable (MQTTRequest) async throws -> MQTTReply,
        _ body: (MQTT5Client) async throws -> Void
    ) async throws {
        let port = try await SharedBroker.server.port
        try await MQTT5Client.connected(port) { responder in
            let serving = Task {
                try await responder.serve(topic, qos: .exactlyOnce, concurrency: concurrency, handler)
            }
            try await MQTT5Client.connected(port) { client in
                // The responder may not have subscribed yet.
                var isThere = false
                while !isThere {
                    let probe = try? await client.request("probe", to: topic, timeout: .milliseconds(100))
                    isThere = probe != nil
                }
                try await body(client)
            }
            serving.cancel()
            try await serving.value
        }
    }

    @Test func `a request is answered at every QoS, and its properties come through`() async throws {
        try await withDeadline {
            let topic = unique("services/echo")
            try await Self.serving(topic) { request in
                MQTTReply("re \(request.text ?? "")", properties: [.contentType(request.properties.contentType ?? "")])
            } _: { client in
                for qos in QoS.allCases {
                    let properties: Properties = [.contentType("text/\(qos.rawValue)")]
                    let reply = try await client.request("\(qos.rawValue)", to: topic, qos: qos, properties: properties)
                    #expect(reply.text == "re \(qos.rawValue)" && reply.qos == qos)
                    #expect(reply.properties.contentType == "text/\(qos.rawValue)")
                }
            }
        }
    }

    @Test func `an error of the handler comes to the one who asks, and an expired request gets no reply`() async throws
    {
        try await withDeadline {
            let topic = unique("services/late")
            let cancelled = Gate()
            try await Self.serving(topic) { request in
                switch request.text {
                case "probe": return MQTTReply()
                case "fail": throw MQTTError(.requestFailed, "no such service")
                default:
                    for await _ in AsyncStream<Void>.makeStream().stream {}
                    cancelled.open()
                    return MQTTReply("too late")
                }
            } _: { client in
                let error = try await failure(.requestFailed) { _ = try await client.request("fail", to: topic) }
                #expect(error.message == "no such service")
                try await failure(.timedOut) {
                    let properties: Properties = [.messageExpiryInterval(1)]
                    _ = try await client.request("slow", to: topic, timeout: .seconds(2), properties: properties)
                }
                await cancelled.wait()
            }
        }
    }

    @Test func `a request that nobody can answer ends at once at QoS 1`() async throws {
        _ = try await withDeadline {
            try await MQTT5Client.connected(try await SharedBroker.server.port) { client in
                _ = try await failure(.noResponder) {
                    _ = try await client.request("1", to: unique("nobody"), qos: .atLeastOnce)
                }
            }
        }
    }
}
