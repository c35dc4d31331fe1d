// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTTransport
import NIOCore
import NIOSSL
import Testing

/// Proxies that follow a script, over sockets.
@Suite(.timeLimit(.minutes(10))) struct ProxyDialTests {
    private static let ok = "HTTP/1.1 200 Connection established\r\n\r\n"
    private static let bound: [UInt8] = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0]

    private func endpoint(_ proxy: ProxySettings, tls: TLSSettings? = nil) -> Endpoint {
        // A name that only a proxy knows.
        var endpoint = tls.map { Endpoint.tls("broker.invalid", port: 8883, $0) } ?? .tcp("broker.invalid")
        endpoint.proxy = .through(proxy)
        return endpoint
    }

    /// Connects, with the broker's greeting in the same segment as the last answer, and talks.
    private func talk(_ endpoint: Endpoint, greeting: String = "hello") async throws {
        let dialed = try await Dialed.connect(to: endpoint)
        if !greeting.isEmpty { #expect(try await dialed.receive(greeting.utf8.count) == greeting) }
        try await dialed.send("over the road")
        #expect(try await dialed.receive(13) == "over the road")
        try await dialed.channel.close()
    }

    @Test func `bytes of the broker in the same segment as the answer of the proxy are not lost`() async throws {
        try await ScriptedProxy.with([.takeHead, .say(Self.ok + "hello"), .broker(tls: nil)]) { proxy in
            try await self.talk(self.endpoint(.http("127.0.0.1", port: proxy.port)))
            #expect(proxy.said == "CONNECT broker.invalid:1883 HTTP/1.1\r\nHost: broker.invalid:1883\r\n\r\n")
            #expect(proxy.saidToBroker == "over the road")
        }
        let last = ScriptedProxy.Line.say(Self.bound + Array("hello".utf8))
        try await ScriptedProxy.with([.take(3), .say([5, 0]), .take(21), last, .broker(tls: nil)]) { proxy in
            try await self.talk(self.endpoint(.socks5("localhost", port: proxy.port)))
            #expect(proxy.saidToBroker == "over the road")
        }
        let four: [UInt8] = [0, 90, 0, 0, 0, 0, 0, 0] + Array("hello".utf8)
        try await ScriptedProxy.with([.take(24), .say(four), .broker(tls: nil)]) { proxy in
            try await self.talk(self.endpoint(.socks4a("127.0.0.1", port: proxy.port)))
            #expect(proxy.saidToBroker == "over the road")
        }
    }

    @Test func `TLS to the broker goes through the proxy, and is for the name of the broker`() async throws {
        let certificates = try TestCertificates.shared.get()
        var settings = TLSSettings(trust: .file(certificates.path("ca.pem")), serverName: "other.example")
        // A certificate without the address of the proxy.
        let broker = ScriptedProxy.Line.broker(tls: try TestServer.tls("other"))
        try await ScriptedProxy.with([.takeHead, .say(Self.ok), broker]) { proxy in
            let http = ProxySettings.http("127.0.0.1", port: proxy.port)
            try await self.talk(self.endpoint(http, tls: settings), greeting: "")
            #expect(proxy.saidToBroker == "over the road")
            settings.serverName = nil
            let error = try await Dialed.failure(to: self.endpoint(http, tls: settings))
            #expect(error?.code == .certificateRejected)
            #expect(error?.message.contains("broker.invalid") == true)
        }
    }

    @Test func `TLS to the proxy itself, and to the broker inside of it`() async throws {
        let certificates = try TestCertificates.shared.get()
        let settings = TLSSettings(trust: .file(certificates.path("ca.pem")))
        var inner = settings
        inner.serverName = "localhost"
        let configuration = try TestServer.tls()
        try await ScriptedProxy.with([.takeHead, .say(Self.ok + "hello"), .broker(tls: nil)], tls: configuration) {
            proxy in
            try await self.talk(self.endpoint(.http("localhost", port: proxy.port, tls: settings)))
            // The proxy's certificate is checked: this one's authority is not the system's.
            let strange = self.endpoint(.http("localhost", port: proxy.port, tls: TLSSettings()))
            let error = try await Dialed.failure(to: strange)
            #expect(error?.code == .certificateRejected)
            #expect(error?.message.contains("localhost:\(proxy.port)") == true)
        }
        let broker = ScriptedProxy.Line.broker(tls: configuration)
        try await ScriptedProxy.with([.takeHead, .say(Self.ok), broker], tls: configuration) { proxy in
            let https = ProxySettings.http("localhost", port: proxy.port, tls: settings)
            try await self.talk(self.endpoint(https, tls: inner), greeting: "")
        }
    }

    @Test func `names are looked up here when the proxy is not to`() async throws {
        try await ScriptedProxy.with([.takeHead, .say(Self.ok), .broker(tls: nil)]) { proxy in
            var settings = ProxySettings.http("127.0.0.1", port: proxy.port)
            settings.resolvesNames = false
            var endpoint = Endpoint.tcp("localhost")
            endpoint.proxy = .through(settings)
            endpoint.socketOptions.addressFamily = .onlyIPv4
            try await self.talk(endpoint, greeting: "")
            #expect(proxy.said.hasPrefix("CONNECT 127.0.0.1:1883 HTTP/1.1\r\n"))
            let unknown = try await Dialed.failure(to: self.endpoint(settings))
            #expect(unknown?.code == .nameResolutionFailed)
            #expect(unknown?.stage == .nameLookup)
        }
        // SOCKS4 knows IPv4 only, so nothing else is looked up, whatever comes first otherwise.
        try await ScriptedProxy.with([.take(9), .say([0, 90, 0, 0, 0, 0, 0, 0]), .broker(tls: nil)]) { proxy in
            var endpoint = Endpoint.tcp("localhost")
            endpoint.proxy = .through(.socks4("127.0.0.1", port: proxy.port))
            try await self.talk(endpoint, greeting: "")
            #expect(Array(proxy.said.utf8) == [4, 1, 0x07, 0x5B, 127, 0, 0, 1, 0])
        }
    }

    @Test(
        arguments: [
            (
                [.takeHead, .say("HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\nnever")], "403 No: \"never\"",
                .proxyRefused
            ),
            ([.takeHead, .say("HTTP/1.1 403 No\r\n\r\n")], "403 No", .proxyRefused),
            ([.takeHead, .say("HTTP/1.1 407 Who\r\n\r\n")], "407 Who", .proxyAuthenticationFailed),
            ([.takeHead, .say("HTTP/1.1 504 Late\r\n\r\n")], "504 Late", .proxyTimedOut),
            ([.takeHead, .close], "without an answer", .proxyRefused),
            ([.close], "closed the connection", .proxyRefused),
            ([.takeHead, .say("HTTP/1.1 200 O"), .close], "in the middle", .proxyRefused),
            ([.say("220 mail ESMTP\r\n")], "220 mail", .proxyRefused),
            ([.takeHead, .say([UInt8](repeating: 0x41, count: 100_000))], "AAAA", .proxyRefused),
        ] as [([ScriptedProxy.Line], String, TransportError.Code)]
    )
    func `fault 32: a proxy that refuses, closes early or is none is a fitting error at once, and nothing is left open`(
        script: [ScriptedProxy.Line],
        words: String,
        code: TransportError.Code
    ) async throws {
        try await ScriptedProxy.with(script) { proxy in
            let settings = ProxySettings.http("127.0.0.1", port: proxy.port, username: "someone", password: "sesame")
            let start = ContinuousClock.now
            let error = try #require(try await Dialed.failure(to: self.endpoint(settings), timeout: .seconds(60)))
            #expect(ContinuousClock.now - start < .seconds(30))
            #expect(error.code == code)
            #expect(error.httpStatus == (words.hasPrefix("220") ? nil : Int(words.prefix(3))))
            #expect(error.stage == .proxy)
            #expect(error.message.contains(words), "\(error)")
            #expect(error.message.contains("http://127.0.0.1:\(proxy.port) did not connect to broker.invalid:1883"))
            for secret in ["sesame", "someone", "c29tZW9uZTpzZXNhbWU="] {
                #expect(!"\(error)\(String(reflecting: error))".contains(secret))
                #expect(!proxy.saidToBroker.contains(secret))
            }
            try await proxy.server.waitForTheEndOfAConnection()
        }
    }

    @Test(arguments: [[], [.takeHead], [.takeHead, .say("HTTP/1.1 200 OK\r\n")]] as [[ScriptedProxy.Line]])
    func `fault 32: a proxy that hangs is left at the timeout`(script: [ScriptedProxy.Line]) async throws {
        try await ScriptedProxy.with(script) { proxy in
            let endpoint = self.endpoint(.http("127.0.0.1", port: proxy.port))
            let start = ContinuousClock.now
            let error = try #require(try await Dialed.failure(to: endpoint, timeout: .seconds(6)))
            let time = ContinuousClock.now - start
            #expect(time >= .milliseconds(5_990) && time < .seconds(60))
            #expect(error.code == .proxyTimedOut)
            #expect(error.stage == .proxy)
            try await proxy.server.waitForTheEndOfAConnection()
        }
    }

    @Test func `fault 32: SOCKS proxies that hang, refuse or ask for authentication`() async throws {
        let cases: [([ScriptedProxy.Line], TransportError.Code)] = [
            ([.take(3)], .proxyTimedOut), ([.take(3), .say([5, 0]), .take(21)], .proxyTimedOut),
            ([.take(3), .say([5, 0xFF])], .proxyAuthenticationFailed),
            ([.take(3), .say([5, 0]), .take(21), .say([5, 5])], .proxyRefused),
            ([.take(3), .say([5, 0]), .take(21), .close], .proxyRefused), ([.take(3), .close], .proxyRefused),
        ]
        for (script, code) in cases {
            try await ScriptedProxy.with(script) { proxy in
                let endpoint = self.endpoint(.socks5("127.0.0.1", port: proxy.port))
                let timeout: TimeAmount = code == .proxyTimedOut ? .seconds(6) : .seconds(60)
                let error = try await Dialed.failure(to: endpoint, timeout: timeout)
                #expect(error?.code == code)
                #expect(error?.stage == .proxy)
                try await proxy.server.waitForTheEndOfAConnection()
            }
        }
    }

    @Test func `fault 32: the credentials go to the proxy and not to the broker`() async throws {
        try await ScriptedProxy.with([.takeHead, .say(Self.ok), .broker(tls: nil)]) { proxy in
            let http = ProxySettings.http("127.0.0.1", port: proxy.port, username: "someone", password: "sesame")
            try await self.talk(self.endpoint(http), greeting: "")
            #expect(proxy.said.contains("Proxy-Authorization: Basic c29tZW9uZTpzZXNhbWU=\r\n"))
            #expect(proxy.saidToBroker == "over the road")
        }
        let script: [ScriptedProxy.Line] = [
            .take(4), .say([5, 2]), .take(16), .say([1, 0]), .take(21), .say(Self.bound), .broker(tls: nil),
        ]
        try await ScriptedProxy.with(script) { proxy in
            let socks = ProxySettings.socks5("127.0.0.1", port: proxy.port, username: "someone", password: "sesame")
            try await self.talk(self.endpoint(socks), greeting: "")
            #expect(proxy.said.contains("sesame"))
            #expect(proxy.saidToBroker == "over the road")
        }
    }

    @Test func `a proxy that cannot be reached is named`() async throws {
        let port = try await TestServer.with { $0.port }
        let error = try await Dialed.failure(to: self.endpoint(.socks5("127.0.0.1", port: port)))
        #expect(error?.code == .connectionRefused)
        #expect(error?.stage == .connecting)
        #expect(error?.message.contains("The proxy socks5h://127.0.0.1:\(port) cannot be reached") == true)
        let unknown = try await Dialed.failure(to: self.endpoint(.http("proxy.invalid")))
        #expect(unknown?.code == .nameResolutionFailed)
        #expect(unknown?.message.contains("The proxy http://proxy.invalid:8080 cannot be reached") == true)
    }
}
