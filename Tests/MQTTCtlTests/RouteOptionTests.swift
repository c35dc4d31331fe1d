// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MQTT
import Testing

@testable import mqttctl

/// The options that say which way leads to the broker.
@Suite struct RouteOptionTests {
    private static func options(_ arguments: [String]) throws -> ConnectionOptions {
        try ConnectionOptions.parse(arguments)
    }

    private static let ca = TLSSettings(trust: .file("ca"))

    @Test(
        arguments: [
            (["-L", "ws://h"], .webSocket("h")),
            (["-L", "ws://h:8080/x/y?z=1"], .webSocket("h", port: 8080, .init(path: "/x/y?z=1"))),
            (["-L", "wss://h/x", "--cafile", "ca"], .secureWebSocket("h", .init(path: "/x"), tls: Self.ca)),
            (["-L", "WSS://h"], .secureWebSocket("h")),
            (["-L", "unix:///run/s"], .unix("/run/s")),
            (["-L", "unix:///run/s", "--cafile", "ca"], .unix("/run/s", tls: Self.ca)),
            (["--unix", "s"], .unix("s")),
            (["--unix", "s", "--ws"], .unix("s", webSocket: .init())),
            (["--ws"], .webSocket("localhost")),
            (["--ws", "-h", "h", "-p", "9001", "--ws-path", "/x"], .webSocket("h", port: 9_001, .init(path: "/x"))),
            (["--ws", "-p", "443"], .secureWebSocket("localhost")),
            (["--ws", "-p", "443", "--no-tls"], .webSocket("localhost", port: 443)),
            (["--ws", "--cafile", "ca"], .secureWebSocket("localhost", tls: Self.ca)),
            (["-p", "443"], .tcp("localhost", port: 443)),
            (["-S"], .srv()),
            (["-S", "-h", "example.com"], .srv("example.com")),
            (
                ["--srv", "-h", "example.com", "--cafile", "ca", "--ws"],
                .srv("example.com", tls: Self.ca, webSocket: .init())
            ),
        ] as [([String], Endpoint)]
    )
    func `options and URLs name every kind of endpoint`(arguments: [String], endpoint: Endpoint) throws {
        let options = try Self.options(arguments)
        #expect(options.endpoints() == [endpoint])
        #expect(options.server.url?.topic == nil)
    }

    @Test func `headers are added in their order`() throws {
        let options = try Self.options(["--ws", "-H", "X-One: 1", "--header", "x-one:2:3", "-H", "Empty:"])
        let headers = options.webSocket.settings.headers
        #expect(headers.names == ["X-One", "x-one", "Empty"])
        #expect(headers.values(for: "X-One") == ["1", "2:3"])
        #expect(options.endpoint.webSocket?.headers == headers)
    }

    @Test(
        arguments: [
            ("http://p:3128", .http("p", port: 3_128), false),
            ("https://p", .http("p", port: 443, tls: TLSSettings()), false),
            ("http://u:x@p", .http("p", username: "u", password: "x"), true),
            ("socks5h://p", .socks5("p"), false),
            ("socks4a://u@p", .socks4a("p", userID: "u"), false),
            ("socks4://p:1", .socks4("p", port: 1), false),
        ] as [(String, ProxySettings, Bool)]
    )
    func `a proxy is a URL`(text: String, proxy: ProxySettings, isExposed: Bool) throws {
        let options = try Self.options(["--proxy", text])
        #expect(options.endpoint.proxy == .through(proxy))
        #expect(options.route.isExposed == isExposed)
    }

    @Test func `socks5 looks the name up here, env asks the environment`() throws {
        var proxy = ProxySettings.socks5("p")
        proxy.resolvesNames = false
        let local = try Self.options(["--proxy", "socks5://p"])
        #expect(local.endpoint.proxy == .through(proxy))
        let environment = try Self.options(["--proxy", "env"])
        #expect(environment.endpoint.proxy == .environment)
        let none = try Self.options([])
        #expect(none.endpoint.proxy == .direct)
    }

    @Test func `further brokers come behind the first, by the same way`() throws {
        let options = try Self.options([
            "-h", "a", "--failover", "mqtts://b", "--failover", "wss://c/x", "--failover", "unix:///d", "--cafile",
            "ca", "-H",
            "K: V", "-A", "127.0.0.1", "--proxy", "socks5h://p",
        ])
        var webSocket = WebSocketSettings(path: "/x")
        webSocket.headers = ["K": "V"]
        var expected: [Endpoint] = [
            .tls("a", Self.ca), .tls("b", Self.ca), .secureWebSocket("c", webSocket, tls: Self.ca),
        ]
        for index in expected.indices {
            expected[index].proxy = .through(.socks5("p"))
            expected[index].socketOptions.bindAddress = "127.0.0.1"
        }
        #expect(options.endpoints() == expected + [.unix("/d", tls: Self.ca)])
    }

    @Test func `TLS options say whom to trust, what to show and what to offer`() throws {
        let options = try Self.options([
            "--capath", "folder", "--cert", "c.pem", "--key", "k.pem", "--key-password-env", "VARIABLE", "--ciphers",
            "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA", "--tls-alpn", "mqtt", "--tls-keylog", "keys",
        ])
        let settings = TLSSettings(
            trust: .directory("folder"),
            clientCertificate: .files(certificate: "c.pem", key: "k.pem", password: "sesame"),
            applicationProtocols: ["mqtt"],
            cipherSuites: ["ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA"]
        )
        #expect(options.tls.settings(keyPassword: "sesame") == settings.insecurelyLoggingKeys(toFile: "keys"))
        #expect(options.tls.keyPassword == SecretSource(variable: "VARIABLE"))
        #expect(options.endpoint.isSecure)
    }

    @Test(arguments: ["me.p12", "me.pfx", "ME.P12"])
    func `a certificate in PKCS#12 brings its key`(name: String) throws {
        let options = try Self.options(["--cert", name, "--key-password-file", "f"])
        #expect(options.tls.settings(keyPassword: "x").clientCertificate == .pkcs12(file: name, password: "x"))
    }

    @Test(arguments: [(["--capath", "f"], false), (["--cafile", "f"], false), ([], true)] as [([String], Bool)])
    func `--insecure checks the authority where one is named`(arguments: [String], checksNothing: Bool) throws {
        let settings = try Self.options(arguments + ["--insecure"]).tls.settings()
        #expect(settings.verification == (checksNothing ? .insecureNone : .insecureWithoutHostName))
    }
}
