// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import MQTTTransport

/// Servers that repeat what they were told in confidence: many quote path and query in their pages for errors.
@Suite(.timeLimit(.minutes(10))) struct WebSocketSecretsTests {
    private static let settings = WebSocketSettings(
        path: "/mqtt?user=someone&token=sesame%3D1",
        headers: ["Authorization": "Bearer letmein-now", "X-Key": String(repeating: "opened", count: 300)]
    )

    private static func page(_ status: String, _ body: String) -> String {
        "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    @Test(arguments: [
        Self.page("404 Not Found", "Cannot GET /mqtt?user=someone&amp;token=sesame%3D1"),
        Self.page("403 Forbidden", "the token sesame=1 is not known"),
        Self.page("403 Forbidden", "you sent Bearer letmein-now"),
        // So long that its end is not kept.
        Self.page("403 Forbidden", "you sent \(String(repeating: "opened", count: 300))"),
        Self.page("403 letmein-now", ""), "HTTP/1.1 301 Moved\r\nLocation: wss://o/letmein-now\r\n\r\n",
        "you said: GET /mqtt?user=someone&token=sesame%3D1",
    ])
    func `what a server repeats of the query and the headers does not get into the error`(answer: String) async throws {
        try await WebSocketServer.with { _ in
            .says(answer, closes: true)
        } _: { server in
            let endpoint = Endpoint.webSocket("127.0.0.1", port: server.port, Self.settings)
            let error = try #require(try await Dialed.failure(to: endpoint))
            Self.check(error)
        }
    }

    @Test func `a value of a few letters, which is in many a page by chance, hides nothing`() async throws {
        try await WebSocketServer.with { _ in
            .says(Self.page("403 Forbidden", "rule 1 of 12"), closes: true)
        } _: { server in
            let settings = WebSocketSettings(headers: ["X-Version": "1"])
            let endpoint = Endpoint.webSocket("127.0.0.1", port: server.port, settings)
            let error = try #require(try await Dialed.failure(to: endpoint))
            #expect(error.message.contains("rule 1 of 12"))
        }
    }

    @Test(arguments: ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"])
    func `nor when it is the answer to something else`(name: String) async throws {
        try await WebSocketServer.with { request in
            let agreement = WebSocketServer.agreement(to: request)
            return .says(agreement.replacing("Sec-WebSocket-Protocol: mqtt\r\n", with: "\(name): letmein-now\r\n"))
        } _: { server in
            let endpoint = Endpoint.webSocket("127.0.0.1", port: server.port, Self.settings)
            let error = try #require(try await Dialed.failure(to: endpoint))
            Self.check(error)
        }
    }

    @Test func `nor when it is the reason for closing`() async throws {
        let reason = [3, 0xF0] + Array("the token sesame=1 has expired".utf8)
        let frame = WebSocketFrameTests.frame(0x88, reason)
        try await WebSocketServer.with { request in
            .init(bytes: Array(WebSocketServer.agreement(to: request).utf8) + frame)
        } _: { server in
            let dialed = try await Dialed.connect(to: .webSocket("127.0.0.1", port: server.port, Self.settings))
            let error = try #require(await dialed.end() as? TransportError)
            #expect(error.message.contains("1008 policy violation"))
            Self.check(error)
        }
    }

    @Test func `other words are shown, though they hold what everybody knows`() {
        let settings = WebSocketSettings(
            path: "/mqtt?v=2",
            headers: ["Authorization": "Basic", "User-Agent": "program"]
        )
        let secrets = settings.secrets(sentWith: settings.headers)
        #expect(secrets.text("Basic authentication, program 2".utf8) == "Basic authentication, program 2")
    }

    private static func check(_ error: TransportError) {
        for text in ["\(error)", error.message, String(reflecting: error)] {
            for secret in ["someone", "sesame", "letmein", "opened"] { #expect(!text.contains(secret), "\(text)") }
        }
        #expect(error.message.contains("not shown"), "\(error)")
    }
}
