// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTTransport
import NIOCore
import NIOEmbedded
import Testing

/// What proxies say when they do not connect to the broker, and what is no proxy at all.
@Suite(.timeLimit(.minutes(5))) struct ProxyRefusalTests {
    private func error(_ proxy: ProxySettings, _ answers: [UInt8]...) throws -> TransportError {
        let channel = try EmbeddedProxied(proxy, host: "10.0.0.1")
        for answer in answers { try channel.say(answer) }
        // For those that wait for more words.
        channel.channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        let error = try #require(channel.error)
        #expect(error.stage == .proxy)
        #expect(error.message.contains("\(proxy) did not connect to 10.0.0.1:1883"))
        // Whatever comes late changes nothing.
        try channel.say("HTTP/1.1 200 OK\r\n\r\nlate")
        #expect(channel.received.isEmpty)
        channel.finish()
        return error
    }

    private func http(_ text: String, _ proxy: ProxySettings = .http("p")) throws -> TransportError {
        try self.error(proxy, Array(text.utf8))
    }

    @Test(arguments: [
        ("HTTP/1.1 403 Access violation\r\nContent-Length: 2\r\n\r\nno", "403 Access violation: \"no\""),
        ("HTTP/1.1 403\r\n\r\n", "answered 403."), ("HTTP/1.1 302 Found\r\n\r\n", "302 Found"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "101 Switching Protocols"),
        ("HTTP/1.1 500 Unable to connect\r\nConnection: close\r\n\r\n<html>\n<p>No <b>way</b>", "connect: \"No way\""),
        ("HTTP/1.1 503 S\r\n\r\n<?x?><style>a{}<\"</style><h1>Busy</h1><script>b<c</script>!", "503 S: \"Busy !\""),
        ("HTTP/1.1 502 B\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", ": \"abcde\""),
        ("HTTP/1.1 403 F\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "403 F."),
        ("HTTP/1.1 403 F\r\nTransfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nabc", "\"abc\""),
        ("HTTP/1.1 403 \u{1B}[31mred\r\n\r\n", "403 \\x1b[31mred"), ("HTTP/1.1 403 F\r\n\r\n\u{7}é", "\\xc3\\xa9"),
        ("HTTP/1.1 200 OK\r\nno field\r\n\r\n", "no header field: \"no field\""),
        ("HTTP/1.1 999 What\r\n\r\n", "999 What"), ("HTTP/1.1 000 What\r\n\r\n", "000 What"),
    ])
    func `fault 32: an HTTP proxy that refuses has its status and words in the error`(
        answer: String,
        words: String
    ) throws {
        let error = try self.http(answer)
        #expect(error.code == .proxyRefused)
        #expect(error.message.contains(words) || words.hasPrefix("000"), "\(error)")
    }

    @Test func `an HTTP proxy that had no answer from the broker has timed out`() throws {
        let error = try self.http("HTTP/1.1 504 Gateway Timeout\r\n\r\n")
        #expect(error.code == .proxyTimedOut)
        #expect(error.message.contains("504 Gateway Timeout"))
    }

    @Test func `fault 32: an HTTP proxy that asks for authentication, or for another`() throws {
        let answer =
            "HTTP/1.1 407 Who are you\r\nProxy-Authenticate: Basic realm=\"x\"\r\n"
            + "proxy-authenticate: NTLM\r\nContent-Length: 0\r\n\r\n"
        let asked = try self.http(answer)
        #expect(asked.code == .proxyAuthenticationFailed)
        #expect(asked.message.contains("407 Who are you; give a user name and a password"), "\(asked)")
        #expect(asked.message.contains("it offers Basic realm=\\\"x\\\", NTLM"), "\(asked)")
        let refused = try self.http(answer, .http("p", username: "ann", password: "sesame"))
        #expect(refused.code == .proxyAuthenticationFailed)
        #expect(refused.message.contains("does not accept the credentials"))
    }

    @Test func `the page of a refusal is waited for a moment, and no longer`() throws {
        let channel = try EmbeddedProxied(.http("p"))
        try channel.say("HTTP/1.1 403 Forbidden\r\n\r\n")
        channel.channel.embeddedEventLoop.advanceTime(by: .milliseconds(100))
        #expect(channel.result == nil)
        try channel.say("not for ")
        try channel.say("you")
        channel.channel.embeddedEventLoop.advanceTime(by: .milliseconds(200))
        #expect(channel.error?.message.contains("403 Forbidden: \"not for you\"") == true)
        channel.finish()
        let closing = try EmbeddedProxied(.http("p"))
        try closing.say("HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nnot for you")
        closing.close()
        #expect(closing.error?.message.contains("403 Forbidden: \"not for you\"") == true)
    }

    @Test(arguments: [
        ("SSH-2.0-OpenSSH_9\r\n", "\"SSH-2.0-OpenSSH_9\\r\\n\""), ("\u{20}\u{2}\0\u{5}", "\" \\x02\\x00\\x05\""),
        ("HTTP/2 200 OK\r\n\r\n", "\"HTTP/2 200 OK"), ("HTTP/1.1 20 OK\r\n", "\"HTTP/1.1 20 OK"),
        ("\r\n", "does not speak"),
        ("HTTP/1.x 200 OK\r\n", "HTTP/1.x"), ("HTTP/1.1 2000 OK\r\n", "2000"), ("HTTP/1.1  200 OK\r\n", "  200"),
        ("HTTP/1.1\r\n", "does not speak"), ("\u{15}\u{3}\u{1}\0\u{2}\u{2}\u{16}", "write https"),
        ("\u{5}\0", "\"\\x05\\x00\""),
    ])
    func `fault 32: what is no HTTP proxy is told apart, with what it said`(answer: String, words: String) throws {
        let error = try self.http(answer)
        #expect(error.code == .proxyRefused)
        #expect(error.message.contains("does not speak HTTP/1.1"))
        #expect(error.message.contains(words), "\(error)")
    }

    @Test func `a head without an end, and a page without one, end the attempt`() throws {
        let endless: [(start: String, more: String)] = [
            ("HTTP/1.1 200 ", "a"), ("HTTP/1.1 200 OK\r\n", "A: b\r\n"), ("HTTP/1.1 200 OK\r\nA", "a"),
            ("", "HTTP/1.1 100 Continue\r\n\r\n"), ("HTTP/1.1 403 F\r\n\r\n", "a"),
        ]
        for (start, more) in endless {
            let channel = try EmbeddedProxied(.http("p"))
            try channel.say(start)
            var sent = 0
            while channel.result == nil, sent < 100_000 {
                try channel.say(more)
                sent += more.utf8.count
            }
            #expect(channel.error?.code == .proxyRefused)
            #expect(sent <= 16_384 + more.utf8.count)
            #expect((channel.error?.message.utf8.count ?? 0) < 500)
            channel.finish()
        }
        let channel = try EmbeddedProxied(.http("p"))
        try channel.say(Array(repeating: UInt8(ascii: "a"), count: 1_000_000))
        #expect((channel.error?.message.utf8.count ?? 1_000) < 500)
        channel.finish()
    }

    @Test(
        arguments: [
            (1, "general SOCKS server failure", TransportError.Code.proxyRefused),
            (2, "not allowed by the ruleset", .proxyRefused), (3, "network unreachable", .proxyRefused),
            (4, "host unreachable", .proxyRefused), (5, "connection refused by the broker", .proxyRefused),
            (6, "TTL expired", .proxyTimedOut), (7, "command not supported", .proxyRefused),
            (8, "address type not supported", .proxyRefused), (9, "without a name (reply 9)", .proxyRefused),
            (255, "(reply 255)", .proxyRefused),
        ] as [(UInt8, String, TransportError.Code)]
    )
    func `fault 32: every reply of SOCKS5 has its name`(reply: UInt8, words: String, code: TransportError.Code) throws {
        let error = try self.error(.socks5("p"), [5, 0], [5, reply, 0, 1, 0, 0, 0, 0, 0, 0])
        #expect(error.code == code)
        #expect(error.message.contains(words), "\(error)")
        #expect(try self.error(.socks5("p"), [5, 0], [5, reply]).code == code, "without the rest")
    }

    @Test func `fault 32: a SOCKS5 proxy that asks for authentication, or for another`() throws {
        let ann = ProxySettings.socks5("p", username: "ann", password: "sesame")
        for (error, words) in [
            (try self.error(.socks5("p"), [5, 0xFF]), "give a user name and a password"),
            (try self.error(ann, [5, 0xFF]), "neither"), (try self.error(ann, [5, 2], [1, 1]), "(status 1)"),
            (try self.error(ann, [5, 2], [1, 0xFF]), "does not accept the user name and password"),
        ] {
            #expect(error.code == .proxyAuthenticationFailed)
            #expect(error.message.contains(words), "\(error)")
            #expect(!error.message.contains("sesame"))
        }
    }

    @Test func `what is no SOCKS proxy, or answers nonsense, is told apart, with what it said`() throws {
        let ann = ProxySettings.socks5("p", username: "ann", password: "sesame")
        for (error, words) in [
            (
                try self.error(.socks5("p"), Array("HTTP/1.0 400 Bad\r\n".utf8)),
                "HTTP server; it said \"HTTP/1.0 400 Bad"
            ),
            (
                try self.error(.socks4("p"), Array("HTTP/1.0 400 Bad\r\n".utf8)),
                "HTTP server; it said \"HTTP/1.0 400 Bad"
            ),
            (try self.error(.socks5("p"), [0x20, 2, 0, 0]), "does not speak SOCKS5; it said \" \\x02\\x00\\x00\""),
            (try self.error(.socks4("p"), [4, 90]), "does not speak SOCKS4; it said \"\\x04Z\""),
            (try self.error(.socks5("p"), [5, 2]), "method 2, which was not offered"),
            (try self.error(ann, [5, 1]), "method 1, which was not offered"),
            (try self.error(ann, [5, 2], [7, 0]), "does not speak SOCKS5"),
            (try self.error(.socks5("p"), [5, 0], [4, 0, 0, 1]), "does not speak SOCKS5"),
            (try self.error(.socks5("p"), [5, 0], [5, 0, 0, 2]), "unknown type 2"),
        ] {
            #expect(error.code == .proxyRefused)
            #expect(error.message.contains(words), "\(error)")
        }
    }

    @Test(
        arguments: [
            (91, "request rejected or failed", TransportError.Code.proxyRefused),
            (92, "identd", .proxyAuthenticationFailed), (93, "identd", .proxyAuthenticationFailed),
            (94, "code 94", .proxyRefused), (0, "code 0", .proxyRefused),
        ] as [(UInt8, String, TransportError.Code)]
    )
    func `fault 32: every code of SOCKS4 has its name`(code: UInt8, words: String, is: TransportError.Code) throws {
        for proxy in [ProxySettings.socks4("p"), .socks4a("p")] {
            let error = try self.error(proxy, [0, code, 0, 0, 0, 0, 0, 0])
            #expect(error.code == `is`)
            #expect(error.message.contains(words), "\(error)")
        }
    }

    @Test(arguments: ["someone", "sesame", "c29tZW9uZTpzZXNhbWU=", "token-of-mine"])
    func `fault 32: a server that sends the credentials back does not get them into the error`(secret: String) throws {
        var proxy = ProxySettings.http("p", username: "someone", password: "sesame")
        let bearer = ("Proxy-Authorization", "Bearer token-of-mine")
        if secret.hasPrefix("token") { proxy.headers = [bearer] }
        let channel = try EmbeddedProxied(proxy)
        let request = String(decoding: try channel.said(), as: UTF8.self)
        channel.finish()
        for answer in [
            request, "HTTP/1.1 403 Forbidden\r\nContent-Length: 50\r\n\r\n<p>you are \(secret)",
            "HTTP/1.1 403 \(secret)\r\n\r\n",
            "HTTP/1.1 407 A\r\nProxy-Authenticate: \(secret)\r\n\r\n", "HTTP/1.1 200 A\r\n\(secret)\r\n\r\n",
            "echo \(secret)",
        ] {
            let error = try self.http(answer, proxy)
            for text in ["\(error)", "\(error.message)", String(reflecting: error)] {
                #expect(!text.contains(secret))
            }
            #expect(error.message.contains("not shown"))
        }
    }
}
