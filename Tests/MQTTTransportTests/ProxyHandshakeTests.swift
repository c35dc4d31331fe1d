// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTTransport
import NIOCore
import NIOEmbedded
import Testing

/// What is said with proxies, byte for byte, on channels that are no sockets.
@Suite(.timeLimit(.minutes(5))) struct ProxyHandshakeTests {
    /// A good conversation: what this client says, and what the proxy answers, in turns.
    struct Conversation: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var proxy: ProxySettings
        var host = "broker.example"
        var turns: [(said: [UInt8], answer: [UInt8])]
    }

    static let ok: [UInt8] = Array("HTTP/1.1 200 OK\r\n\r\n".utf8)
    static let name: [UInt8] = [14] + "broker.example".utf8
    /// 1883.
    static let port: [UInt8] = [0x07, 0x5B]

    static func http(
        _ name: String,
        _ proxy: ProxySettings,
        host: String = "broker.example",
        fields: String = ""
    )
        -> Conversation
    {
        let target = host.contains(":") ? "[\(host)]:1883" : "\(host):1883"
        let request = "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n\(fields)\r\n"
        return Conversation(testDescription: name, proxy: proxy, host: host, turns: [(Array(request.utf8), Self.ok)])
    }

    static func answer(_ name: String, _ text: String) -> Conversation {
        var conversation = Self.http("HTTP: \(name)", .http("p"))
        conversation.turns[0].answer = Array(text.utf8)
        return conversation
    }

    static var withHeaders: ProxySettings {
        var proxy = ProxySettings.http("p", username: "u", password: "p")
        proxy.headers = [("proxy-authorization", "Bearer abc"), ("X-A", "b")]
        return proxy
    }

    static let https: [Conversation] = [
        Self.http("HTTP", .http("p")),
        Self.http("HTTP, IPv4", .http("p"), host: "10.0.0.1"),
        Self.http("HTTP, IPv6", .http("p"), host: "::1"),
        Self.http(
            "HTTP, password",
            .http("p", username: "Aladdin", password: "open sesame"),
            fields: "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
        ),
        Self.http(
            "HTTP, user only",
            .http("p", username: "u"),
            fields: "Proxy-Authorization: Basic dTo=\r\n"
        ),
        Self.http("HTTP, headers", Self.withHeaders, fields: "proxy-authorization: Bearer abc\r\nX-A: b\r\n"),
        Self.answer("1.0 without a reason", "HTTP/1.0 200\r\n\r\n"),
        Self.answer("lines without carriage returns", "HTTP/1.1 200 Connection established\nA: b\n\n"),
        Self.answer(
            "a body that cannot be",
            "HTTP/1.1 201 Fine\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
        ),
        Self.answer(
            "interim answers",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n"
        ),
    ]

    static let socks: [Conversation] = [
        Conversation(
            testDescription: "SOCKS5, a name",
            proxy: .socks5("p"),
            turns: [([5, 1, 0], [5, 0]), ([5, 1, 0, 3] + Self.name + Self.port, [5, 0, 0, 1, 1, 2, 3, 4, 5, 6])]
        ),
        Conversation(
            testDescription: "SOCKS5, IPv4, bound to IPv6",
            proxy: .socks5("p"),
            host: "10.0.0.1",
            turns: [
                ([5, 1, 0], [5, 0]),
                ([5, 1, 0, 1, 10, 0, 0, 1] + Self.port, [5, 0, 0, 4] + [UInt8](repeating: 9, count: 18)),
            ]
        ),
        Conversation(
            testDescription: "SOCKS5, IPv6, bound to a name",
            proxy: .socks5("p"),
            host: "::1",
            turns: [
                ([5, 1, 0], [5, 0]),
                (
                    [5, 1, 0, 4] + [UInt8](repeating: 0, count: 15) + [1] + Self.port,
                    [5, 0, 0, 3] + Self.name + Self.port
                ),
            ]
        ),
        Conversation(
            testDescription: "SOCKS5, bound to no name",
            proxy: .socks5("p"),
            turns: [([5, 1, 0], [5, 0]), ([5, 1, 0, 3] + Self.name + Self.port, [5, 0, 0, 3, 0, 0, 0])]
        ),
        Conversation(
            testDescription: "SOCKS5, password",
            proxy: .socks5("p", username: "ann", password: "sesame"),
            turns: [
                ([5, 2, 0, 2], [5, 2]), ([1, 3] + "ann".utf8 + [6] + "sesame".utf8, [1, 0]),
                ([5, 1, 0, 3] + Self.name + Self.port, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
            ]
        ),
        Conversation(
            testDescription: "SOCKS5, password not wanted",
            proxy: .socks5("p", username: "ann", password: "sesame"),
            turns: [
                ([5, 2, 0, 2], [5, 0]), ([5, 1, 0, 3] + Self.name + Self.port, [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
            ]
        ),
        Conversation(
            testDescription: "SOCKS4",
            proxy: .socks4("p"),
            host: "10.0.0.1",
            turns: [([4, 1] + Self.port + [10, 0, 0, 1, 0], [0, 90, 1, 2, 3, 4, 5, 6])]
        ),
        Conversation(
            testDescription: "SOCKS4a, a name and a user",
            proxy: .socks4a("p", userID: "ann"),
            turns: [
                (
                    [4, 1] + Self.port + [0, 0, 0, 1] + "ann".utf8 + [0] + "broker.example".utf8 + [0],
                    [0, 90, 0, 0, 0, 0, 0, 0]
                )
            ]
        ),
        Conversation(
            testDescription: "SOCKS4a, IPv4",
            proxy: .socks4a("p"),
            host: "10.0.0.1",
            turns: [([4, 1] + Self.port + [10, 0, 0, 1, 0], [0, 90, 1, 2, 3, 4, 5, 6])]
        ),
    ]

    @Test(arguments: https + socks)
    func `bytes are said and taken exactly, wherever they are cut, and those behind are the broker's`(
        conversation: Conversation
    ) throws {
        let last = conversation.turns[conversation.turns.count - 1].answer.count
        for cut in 0...last {
            let channel = try EmbeddedProxied(conversation.proxy, host: conversation.host)
            for (index, turn) in conversation.turns.enumerated() {
                #expect(try channel.said() == turn.said)
                guard index == conversation.turns.count - 1 else {
                    // The earlier ones byte by byte.
                    for byte in turn.answer { try channel.say([byte]) }
                    continue
                }
                #expect(channel.result == nil)
                try channel.say(Array(turn.answer[..<cut]))
                // With bytes of the broker in the same read.
                try channel.say(Array(turn.answer[cut...]) + "hello".utf8)
            }
            #expect(channel.isOpen, "\(String(describing: channel.result))")
            #expect(channel.received == "hello")
            try channel.say(Array(" again".utf8))
            #expect(channel.received == "hello again")
            #expect(try channel.said() == [])
            channel.finish()
        }
    }

    @Test(arguments: https + socks)
    func `one byte at a time is enough`(conversation: Conversation) throws {
        let channel = try EmbeddedProxied(conversation.proxy, host: conversation.host)
        for turn in conversation.turns {
            #expect(try channel.said() == turn.said)
            #expect(channel.result == nil)
            for byte in turn.answer { try channel.say([byte]) }
        }
        #expect(channel.isOpen)
        try channel.say(Array("hello".utf8))
        #expect(channel.received == "hello")
        channel.finish()
    }

    @Test(arguments: https + socks)
    func `a proxy that closes early, at whatever byte, is an error`(conversation: Conversation) throws {
        for (index, turn) in conversation.turns.enumerated() {
            for cut in 0..<turn.answer.count {
                let channel = try EmbeddedProxied(conversation.proxy, host: conversation.host)
                for earlier in conversation.turns[..<index] { try channel.say(earlier.answer) }
                try channel.say(Array(turn.answer[..<cut]))
                channel.close()
                let error = try #require(channel.error)
                #expect(error.code == .proxyRefused)
                #expect(error.stage == .proxy)
                #expect(error.message.contains("closed the connection"), "\(error)")
                #expect(error.message.contains("\(conversation.proxy)"))
                #expect(error.message.contains("broker.example:1883") || conversation.host != "broker.example")
            }
        }
    }

    @Test func `SOCKS4 to what is no IPv4 address is refused before anything is sent`() {
        for (proxy, host) in [(ProxySettings.socks4("p"), "::1"), (.socks4("p"), "name"), (.socks4a("p"), "::1")] {
            let error = #expect(throws: TransportError.self) { try EmbeddedProxied(proxy, host: host) }
            #expect(error?.code == .invalidEndpoint)
            #expect(error?.message.contains("IPv4 addresses only") == true)
        }
    }
}
