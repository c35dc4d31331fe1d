// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTTransport
import NIOCore
import NIOEmbedded
import Testing

/// Servers that give no WebSocket, or not one for MQTT.
@Suite(.timeLimit(.minutes(10))) struct WebSocketRefusalTests {
    /// The error of an attempt with a server that answers so; it comes long before the timeout, and nothing is left open.
    private func refusal(
        _ settings: WebSocketSettings = WebSocketSettings(),
        timeout: TimeAmount = .seconds(60),
        sourceLocation: SourceLocation = #_sourceLocation,
        _ answer: @escaping @Sendable (String) -> WebSocketServer.Answer
    ) async throws -> TransportError {
        try await WebSocketServer.with(answering: answer) { server in
            let start = ContinuousClock.now
            let endpoint = Endpoint.webSocket("127.0.0.1", port: server.port, settings)
            let error = try await Dialed.failure(to: endpoint, timeout: timeout)
            let took = ContinuousClock.now - start
            #expect(took < .seconds(30), "it took \(took)", sourceLocation: sourceLocation)
            _ = await server.next()?.rest()
            let found = try #require(error, "the server was accepted", sourceLocation: sourceLocation)
            #expect(found.stage == .webSocket, sourceLocation: sourceLocation)
            #expect(found.message.contains("ws://127.0.0.1:\(server.port)/mqtt"), sourceLocation: sourceLocation)
            return found
        }
    }

    @Test(arguments: [
        (
            "403 Forbidden\r\nContent-Type: text/html\r\nContent-Length: 22",
            "<html>\r\n\tno\u{1B}[2J</html>", "403 Forbidden: <html> no\\u{1B}[2J</ht"
        ),
        ("403 Not For You\r\nContent-Length: 0", "", "403 Not For You"),
        ("403\r\nContent-Length: 0", "", "403 Forbidden"),
        ("401 Unauthorized\r\nContent-Length: 4", "no\r\n", "other credentials"),
        ("200 OK\r\nContent-Type: text/html\r\nConnection: close", "<html>Welcome", "200 OK: <html>Welcome"),
        ("200 OK\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n", "200 OK: hello"),
        ("204 No Content", "", "204 No Content"),
        ("404 Not Found\r\nContent-Length: 1", "x", "none at this path; 404 Not Found: x"),
        (
            "301 Moved Permanently\r\nLocation: wss://other.example/ws?token=sesame\r\nContent-Length: 0", "",
            "use wss://other.example/ws instead; 301"
        ),
        ("302 Found\r\nContent-Length: 0", "", "302 Found"),
        ("426 Upgrade Required\r\nSec-WebSocket-Version: 8, 7\r\nContent-Length: 0", "", "version 8, 7"),
        ("426 Upgrade Required\r\nContent-Length: 0", "", "426 Upgrade Required"),
        ("500 Internal Server Error\r\nContent-Length: 3", "\u{0}\u{1}\u{2}", "\\u{0}\\u{1}\\u{2}"),
        ("503 Busy\r\nContent-Length: 9999", "", "503 Busy"),
        ("503 Busy\r\nContent-Length: 9999", "cut", "503 Busy: cut"),
        ("503 \u{1B}[31m\r\nContent-Length: 0", "", "503"),
        ("999 Whatever\r\nContent-Length: 0", "", "999 Whatever"),
    ])
    func `an HTTP server that says no is quoted`(head: String, body: String, words: String) async throws {
        let error = try await self.refusal { _ in .says("HTTP/1.1 \(head)\r\n\r\n\(body)") }
        #expect(error.code == .webSocketRefused)
        #expect(error.httpStatus == Int(head.prefix(3)))
        #expect(error.message.contains(words), "\(error)")
        #expect(!error.message.contains("sesame") && !error.message.contains("\u{1B}"))
    }

    @Test func `of a long body only an excerpt is shown`() async throws {
        let body = String(repeating: "x", count: 100_000)
        let error = try await self.refusal { _ in .says("HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n\(body)") }
        #expect(error.code == .webSocketRefused)
        #expect(error.message.contains("xxx…") && error.message.utf8.count < 400)
    }

    /// A line of the right answer, and what it is replaced by.
    struct Change: CustomTestStringConvertible {
        let line: Int
        let text: String?
        let words: String

        var testDescription: String { "\(self.line): \(self.text ?? "missing")" }
    }

    @Test(
        .receives("5:MQTT-6.0.0-4", "3.1.1:MQTT-6.0.0-4"),
        arguments: [
            Change(line: 1, text: nil, words: "Upgrade: websocket"),
            Change(line: 1, text: "Upgrade: h2c", words: "Upgrade: websocket"),
            Change(line: 2, text: nil, words: "Connection: Upgrade"),
            Change(line: 2, text: "Connection: close", words: "Connection: Upgrade"),
            Change(line: 3, text: nil, words: "Sec-WebSocket-Accept"),
            Change(line: 3, text: "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=", words: "Sec-WebSocket-Accept"),
            Change(line: 4, text: nil, words: "subprotocol mqtt: it answered none"),
            Change(line: 4, text: "Sec-WebSocket-Protocol: mqttv3.1", words: "it answered mqttv3.1"),
            Change(line: 4, text: "Sec-WebSocket-Protocol: MQTT", words: "it answered MQTT"),
            Change(line: 4, text: "Sec-WebSocket-Protocol: mqtt, chat", words: "it answered mqtt, chat"),
            Change(line: 4, text: "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Protocol: mqtt", words: "mqtt, mqtt"),
            Change(
                line: 4,
                text: "Sec-WebSocket-Protocol: mqtt\r\nSec-WebSocket-Extensions: deflate",
                words: "deflate"
            ),
        ]
    )
    func `fault 35: an agreement that is not to what was asked is refused`(change: Change) async throws {
        let error = try await self.refusal { request in
            .says(
                WebSocketServer.agreement(to: request) { lines in
                    lines.replaceSubrange(change.line...change.line, with: change.text.map { [$0] } ?? [])
                }
            )
        }
        #expect(error.code == .webSocketRefused)
        #expect(error.message.contains(change.words), "\(error)")
    }

    @Test func `another subprotocol that was asked for has to be the one answered`() async throws {
        let settings = WebSocketSettings(subprotocol: "mqttv3.1")
        let error = try await self.refusal(settings) { .says(WebSocketServer.agreement(to: $0)) }
        #expect(error.code == .webSocketRefused && error.message.contains("mqttv3.1: it answered mqtt"), "\(error)")
    }

    @Test(arguments: [
        ("HTTP/1.1 twohundred\r\n\r\n", "cannot be read"), ("HTTP/1.1 101 OK\r\n: x\r\n\r\n", "cannot be read"),
        ("HTTP/3.7 200 OK\r\n\r\n", "cannot be read"),
        ("HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 70_000))", "too long"),
        ("HTTP/1.1 200 OK\r\n\(String(repeating: "X: y\r\n", count: 400))", "too long"),
        (String(repeating: "HTTP/1.1 103 Early\r\nA: b\r\n\r\n", count: 20_000), "too long"),
    ])
    func `an answer that is bad HTTP is refused`(answer: String, why: String) async throws {
        let error = try await self.refusal { _ in .says(answer) }
        #expect(error.code == .webSocketRefused)
        #expect(error.message.contains(why), "\(error)")
    }

    @Test(arguments: [
        ([0x15, 3, 1, 0, 2, 2, 70], "use wss"), ([0x16, 3, 3, 0, 1, 0], "use wss"), ([0x20, 2, 0, 0], "\\u{2}\\u{0}"),
        (Array("220 mail.example ESMTP\r\n".utf8), "220 mail.example ESMTP"), (Array("HTT".utf8) + [0xFF], "HTT"),
    ])
    func `an answer that is no HTTP is another protocol`(bytes: [UInt8], words: String) async throws {
        for closes in [false, true] {
            let error = try await self.refusal { _ in .init(bytes: bytes, closes: closes) }
            #expect(error.code == .wrongProtocol)
            #expect(error.message.contains(words), "\(error)")
        }
    }

    @Test func `a TLS server asked without TLS closes, and the error says what to try`() async throws {
        try await TestServer.with(tls: try TestServer.tls()) { server in
            let error = try #require(try await Dialed.failure(to: .webSocket("127.0.0.1", port: server.port)))
            #expect(error.code == .webSocketRefused && error.stage == .webSocket)
            #expect(error.message.contains("only with TLS (wss)"), "\(error)")
            try await server.waitForTheEndOfAConnection()
        }
    }

    @Test(arguments: [
        ("", "without an answer"), ("HTTP/1.1 101 Switch", "middle of its answer"),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n", "middle of its answer"),
    ])
    func `a server that closes instead of answering is refused`(answer: String, words: String) async throws {
        let error = try await self.refusal { _ in .says(answer, closes: true) }
        #expect(error.code == .webSocketRefused)
        #expect(error.message.contains(words), "\(error)")
    }

    @Test(arguments: ["", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"])
    func `a server that does not answer is left at the timeout`(answer: String) async throws {
        let start = ContinuousClock.now
        let error = try await self.refusal(timeout: .seconds(6)) { _ in .says(answer) }
        #expect(error.code == .webSocketTimedOut)
        #expect(ContinuousClock.now - start >= .seconds(6))
    }

    @Test func `bytes before the request are no answer`() throws {
        for bytes in ["HTTP/1.1 101 Switching Protocols\r\n\r\n", "\u{15}\u{3}\u{1}", "hello\r\n"] {
            let channel = EmbeddedChannel()
            let settings = WebSocketSettings { headers in
                await untilCancelled()
                return headers
            }
            var error: (any Error)?
            try ChannelStages(for: .webSocket("h", settings)).configure(channel).assumeIsolated()
                .whenFailure { error = $0 }
            _ = try? channel.writeInbound(ByteBuffer(string: bytes))
            #expect(error is TransportError)
            ChannelStages.abandon(channel)
        }
    }
}
