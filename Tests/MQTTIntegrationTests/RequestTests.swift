// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import Synchronization
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// Requests and replies between two clients of a real broker.
@Suite(.timeLimit(.minutes(10))) struct RequestTests {
    /// Runs `body` with a client that asks, while another one serves.
    private static func serving(
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

    @Test func `100,000 requests, 256 at a time, are all answered, none crossed, in bounded memory`() async throws {
        try await withDeadline(.seconds(300)) {
            let topic = unique("services/echo")
            let (total, width) = (100_000, 256)
            try await Self.serving(topic, concurrency: width) {
                MQTTReply($0.payload)
            } _: { client in
                let counts = Counts()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<width {
                        group.addTask {
                            while true {
                                let number = counts.next.wrappingAdd(1, ordering: .relaxed).oldValue
                                guard number < total else { return }
                                if number == 20_000 { counts.early.store(residentBytes(), ordering: .relaxed) }
                                let reply = try await client.request("\(number)", to: topic)
                                if reply.text != "\(number)" { counts.crossed.wrappingAdd(1, ordering: .relaxed) }
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(counts.crossed.load(ordering: .relaxed) == 0)
                let growth = residentBytes() - counts.early.load(ordering: .relaxed)
                // Other tests run in this process at the same time.
                #expect(growth < 128 << 20, "memory grew by \(growth) bytes")
            }
        }
    }
}

private final class Counts: Sendable {
    let next = Atomic<Int>(0)
    let crossed = Atomic<Int>(0)
    /// The memory held when a fifth of the requests was made.
    let early = Atomic<Int>(0)
}

/// How much memory the process holds.
private func residentBytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var buffer = [CChar](repeating: 0, count: 256)
    guard fgets(&buffer, 256, file) != nil else { return 0 }
    let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let fields = text.split(separator: " ")
    return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
}
