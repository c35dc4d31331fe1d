// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTTransport
import NIOCore
import Testing

@testable import MQTTBroker

/// The server's side of WebSocket, seen from a client that need not keep the rules.
@Suite(.timeLimit(.minutes(5))) struct NetworkWebSocketTests {
    private static func request(path: String = "/mqtt", _ headers: [String: String?] = [:]) -> [UInt8] {
        var all: [String: String?] = [
            "Host": "127.0.0.1", "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Protocol": "mqtt",
        ]
        for (name, value) in headers { all[name] = .some(value) }
        let lines = all.compactMap { name, value in value.map { "\(name): \($0)\r\n" } }
        return Array("GET \(path) HTTP/1.1\r\n\(lines.joined())\r\n".utf8)
    }

    /// A frame of a client, masked.
    private static func frame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        let key: [UInt8] = [1, 2, 3, 4]
        let masked = payload.enumerated().map { $1 ^ key[$0 % 4] }
        let length: [UInt8] =
            payload.count < 126
            ? [0x80 | UInt8(payload.count)]
            : [0xFE, UInt8(payload.count >> 8), UInt8(truncatingIfNeeded: payload.count)]
        return [(isFinal ? 0x80 : 0) | opcode] + length + key + masked
    }

    private static func with(
        _ configuration: BrokerConfiguration = BrokerConfiguration(listeners: [.webSocket()]),
        _ body: (RawClient) async throws -> Void
    ) async throws {
        try await withBroker(configuration) { broker in try await RawClient.with(port: broker.port, body) }
    }

    /// The head of the answer.
    private static func head(_ client: RawClient) async -> String {
        var bytes: [UInt8] = []
        while !bytes.suffix(4).elementsEqual("\r\n\r\n".utf8) {
            let next = await client.next(1)
            if next.isEmpty { break }
            bytes += next
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(.serves("5:MQTT-6.0.0-4", "3.1.1:MQTT-6.0.0-4"))
    func `the subprotocol mqtt is agreed to, also among others`() async throws {
        for names in ["mqtt", "mqttv3.1, mqtt", "mqtt,x"] {
            try await Self.with { client in
                try await client.send(Self.request(["Sec-WebSocket-Protocol": names]))
                let head = await Self.head(client)
                #expect(head.hasPrefix("HTTP/1.1 101 "))
                #expect(head.lowercased().contains("sec-websocket-protocol: mqtt\r\n"))
                #expect(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
            }
        }
    }

    @Test(
        arguments: [
            ("/", [:], "404"), ("/mqttx", [:], "404"), ("/mqtt", ["Sec-WebSocket-Protocol": nil], "400"),
            ("/mqtt", ["Sec-WebSocket-Protocol": "mqttv3.1"], "400"), ("/mqtt", ["Upgrade": nil], "426"),
            ("/mqtt", ["Upgrade": "h2c"], "426"), ("/mqtt", ["Sec-WebSocket-Key": nil], "400"),
            ("/mqtt", ["Sec-WebSocket-Version": "8"], "400"), ("/mqtt", ["Origin": "https://evil.example"], "403"),
            ("/mqtt", ["Origin": "https://panel.example"], "101"),
            ("/mqtt", ["Origin": "HTTPS://Panel.Example"], "101"),
            ("/mqtt?token=1", [:], "101"),
        ] as [(String, [String: String?], String)]
    )
    func `attack web page: who gets a WebSocket, and who gets which refusal`(
        path: String,
        headers: [String: String?],
        status: String
    ) async throws {
        var configuration = BrokerConfiguration(listeners: [.webSocket()])
        configuration.allowedOrigins = ["https://panel.example"]
        try await Self.with(configuration) { client in
            try await client.send(Self.request(path: path, headers))
            #expect(await Self.head(client).hasPrefix("HTTP/1.1 \(status) "))
            if status != "101" { _ = await client.rest() }
        }
    }

    @Test func `without a list pages of any origin may connect`() async throws {
        try await Self.with { client in
            try await client.send(Self.request(["Origin": "https://any.example"]))
            #expect(await Self.head(client).hasPrefix("HTTP/1.1 101 "))
        }
    }

    @Test(.serves("5:MQTT-6.0.0-2", "3.1.1:MQTT-6.0.0-2"), arguments: [1, 2, 5, 100])
    func `packets may be cut into frames anyhow, and come together with the request`(size: Int) async throws {
        try await Self.with { client in
            let bytes = RawClient.connect + RawClient.ping
            var frames: [UInt8] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                let end = min(start + size, bytes.count)
                frames += Self.frame(start == 0 ? 2 : 0, Array(bytes[start..<end]), isFinal: end == bytes.count)
            }
            try await client.send(Self.request() + frames)
            _ = await Self.head(client)
            #expect(await client.next(8) == [0x82, 6] + RawClient.connAck + RawClient.pong)
        }
    }

    @Test func `a ping is answered in the middle of a message`() async throws {
        try await Self.with { client in
            let connect = RawClient.connect
            try await client.send(Self.request() + Self.frame(2, Array(connect.prefix(5)), isFinal: false))
            try await client.send(Self.frame(9, [7, 8, 9]))
            _ = await Self.head(client)
            #expect(await client.next(5) == [0x8A, 3, 7, 8, 9])
            try await client.send(Self.frame(0, Array(connect.dropFirst(5))))
            #expect(await client.next(6) == [0x82, 4] + RawClient.connAck)
        }
    }

    @Test(
        .serves("5:MQTT-6.0.0-1", "3.1.1:MQTT-6.0.0-1"),
        arguments: [
            (frame(1, [0x10]), 1_003), ([0x82, 1, 0x10], 1_002), (frame(3, []), 1_002), (frame(0, [1]), 1_002),
            (frame(8, [3, 0xE8]), 1_000),
        ] as [([UInt8], Int)]
    )
    func `what breaks the rules is told so and closed`(frame: [UInt8], code: Int) async throws {
        try await Self.with { client in
            try await client.send(Self.request())
            _ = await Self.head(client)
            try await client.send(frame)
            #expect(await client.rest() == [0x88, 2, UInt8(code >> 8), UInt8(truncatingIfNeeded: code)])
        }
    }

    @Test func `a broker that closes says so first`() async throws {
        try await Self.with { client in
            try await client.send(Self.request() + Self.frame(2, RawClient.connect + RawClient.disconnect))
            _ = await Self.head(client)
            #expect(await client.next(10) == [0x82, 4] + RawClient.connAck + [0x88, 2, 0x03, 0xE8])
            // It does not wait for the answer forever.
            try? await client.send(Self.frame(8, [3, 0xE8]))
            #expect(await client.rest() == [])
        }
    }

    @Test func `a request that never ends is given up`() async throws {
        var configuration = BrokerConfiguration(listeners: [.webSocket()])
        configuration.limits.connectTimeout = 1
        try await Self.with(configuration) { client in
            // The second may have passed before a busy machine sends it.
            try? await client.send(Array("GET /mqtt HTTP/1.1\r\n".utf8))
            #expect(await client.rest() == [])
        }
    }

    @Test func `every length of frame and every turn of the key is read`() {
        for size in [0, 1, 3, 4, 125, 126, 1_000, 65_535] {
            let payload = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
            for chunk in [1, 3, 7, 100_000] {
                var reader = FrameReader(of: .client)
                var read: [UInt8] = []
                let bytes = Self.frame(2, payload)
                for start in stride(from: 0, to: bytes.count, by: chunk) {
                    var part = ByteBuffer(bytes: bytes[start..<min(start + chunk, bytes.count)])
                    while let event = reader.next(from: &part) {
                        if case .payload(let payload) = event { read += payload.readableBytesView }
                    }
                }
                #expect(read == payload, "\(size) bytes, \(chunk) at a time")
            }
        }
    }
}
