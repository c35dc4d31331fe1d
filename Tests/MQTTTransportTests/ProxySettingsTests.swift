// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MQTTTransport

@Suite struct ProxySettingsTests {
    @Test(arguments: [
        (ProxySettings.http("h"), "http://h:8080", true),
        (.http("h", port: 3128, tls: TLSSettings()), "https://h:3128", true),
        (.socks5("::1"), "socks5h://[::1]:1080", true),
        (.socks5("[::1]", port: 9050), "socks5h://[::1]:9050", true),
        (.socks4("10.0.0.1"), "socks4://10.0.0.1:1080", false),
        (.socks4a("h"), "socks4a://h:1080", true),
    ])
    func `a proxy has its usual port and looks names up where it can`(
        proxy: ProxySettings,
        description: String,
        resolvesNames: Bool
    ) throws {
        #expect(proxy.description == description)
        #expect(proxy.resolvesNames == resolvesNames)
        try proxy.check()
        var changed = proxy
        changed.resolvesNames = false
        #expect(!changed.resolvesNames)
        changed.resolvesNames = true
        #expect(changed == proxy)
        #expect(changed.resolvesNames == resolvesNames, "SOCKS4 cannot")
    }

    @Test(
        arguments: [
            ("http://h", .http("h")), ("HTTP://h:3128/", .http("h", port: 3128)),
            ("http://u:p%40%3a@h", .http("h", username: "u", password: "p@:")),
            ("http://u@h", .http("h", username: "u")),
            ("https://h", .http("h", port: 443, tls: TLSSettings())),
            ("https://u:p@[::1]:8443", .http("::1", port: 8443, username: "u", password: "p", tls: TLSSettings())),
            ("socks5h://h", .socks5("h")), ("socks5h://u:p@h:1", .socks5("h", port: 1, username: "u", password: "p")),
            ("socks4a://h", .socks4a("h")), ("socks4a://u@h", .socks4a("h", userID: "u")),
            ("socks4://u@10.0.0.1:9", .socks4("10.0.0.1", port: 9, userID: "u")),
        ] as [(String, ProxySettings)]
    )
    func `a URL names a proxy`(url: String, proxy: ProxySettings) throws {
        #expect(try ProxySettings(url: url) == proxy)
    }

    @Test func `socks5 in a URL looks names up here`() throws {
        let proxy = try ProxySettings(url: "socks5://h")
        #expect(!proxy.resolvesNames)
        #expect(proxy.description == "socks5://h:1080")
    }

    @Test(arguments: [
        ("", "no scheme"), ("sesame", "no scheme"), ("h:3128", "no scheme"), ("mqtt://u:sesame@h", "not known"),
        ("sesame://h", "not known"), ("socks://h", "socks5h"), ("http://", "no host"), ("http://u:sesame@", "no host"),
        ("http://u:sesame@:1", "no host"), ("http://h:0", "port"), ("http://h:65536", "port"), ("http://h:x", "port"),
        ("http://u:sesame", "port"), ("http://h/sesame", "path"), ("http://u:se/same@h", "'%2F'"),
        ("http://h?q", "query"), ("http://u%zz:sesame@h", "user name"), ("http://u:sesame%2@h", "password"),
        ("http://u:sesame%0a@h", "control"), ("http://u%3a:sesame@h", "':'"), ("http://sesame word", "spaces"),
        ("http://h%00", "control"), ("http://[::1", "bracket"), ("socks5://sesame@h", "1 to 255"),
        ("socks5://u:@h", "1 to 255"), ("socks5h://u:\(String(repeating: "sesame", count: 43))@h", "1 to 255"),
        ("socks4://u:sesame@h", "no password"), ("socks4a://sesame%00@h", "zero byte"),
    ])
    func `a bad URL of a proxy is refused with what is wrong and is not shown`(url: String, why: String) {
        let error = #expect(throws: TransportError.self) { try ProxySettings(url: url) }
        #expect(error?.code == .invalidEndpoint)
        #expect(error?.message.contains(why) == true, "\(error?.message ?? "accepted")")
        #expect(error?.message.contains("sesame") == false)
    }

    @Test(
        arguments: [
            (.http(""), "host is empty"), (.http("h h"), "spaces"), (.http("h", port: 0), "port 0"),
            (.socks5("h", port: 70_000), "70000"), (.http("h", username: "a:b"), "':'"),
            (.http("h", username: "a", password: "sesame\r\nX: y"), "control"),
            (.http("h", username: "\u{7F}"), "control"), (.socks5("h", username: "a"), "1 to 255"),
            (.socks5("h", password: "sesame"), "1 to 255"), (.socks4("h", userID: "a\0b"), "zero byte"),
            (.socks4a("h", userID: String(repeating: "a", count: 256)), "255"),
        ] as [(ProxySettings, String)]
    )
    func `settings that cannot be used are refused before anything is sent`(proxy: ProxySettings, why: String) {
        let error = #expect(throws: TransportError.self) {
            try ChannelStages(for: .tcp("broker.example"), through: proxy)
        }
        #expect(error?.code == .invalidEndpoint)
        #expect(error?.message.contains(why) == true, "\(error?.message ?? "accepted")")
        #expect(error?.message.contains("sesame") == false)
    }

    @Test(arguments: [
        ("", "v"), ("a b", "v"), ("a:", "v"), ("a\r\nb", "v"), ("é", "v"), ("X-A", "sesame\r\nX-B: c"),
        ("X-A", "sesame\n"),
        ("X-A", "sesame\0"), ("Host", "sesame"), ("content-length", "5"), ("Transfer-Encoding", "chunked"),
    ])
    func `a header that would break the request is refused`(name: String, value: String) {
        var proxy = ProxySettings.http("h")
        proxy.headers = [("X-Fine", "yes\tand so on"), (name, value)]
        let error = #expect(throws: TransportError.self) { try proxy.check() }
        #expect(error?.code == .invalidEndpoint)
        #expect(error?.message.contains("header") == true)
        #expect(error?.message.contains("sesame") == false)
        #expect(proxy.headers.count == 2)
    }

    @Test func `headers for a proxy that has none are refused`() {
        var proxy = ProxySettings.socks5("h")
        proxy.headers = [("X-A", "b")]
        #expect(throws: TransportError.self) { try proxy.check() }
    }

    @Test func `credentials do not appear in any description of a proxy`() throws {
        var proxies: [ProxySettings] = [
            .http("h", username: "someone", password: "sesame"), .socks5("h", username: "someone", password: "sesame"),
            .socks4("h", userID: "someone"), try ProxySettings(url: "socks5://someone:sesame@h"),
        ]
        proxies[0].headers = [("X-Token", "sesame")]
        for proxy in proxies {
            var endpoint = Endpoint.tcp("broker.example")
            endpoint.proxy = .through(proxy)
            var dumped = ""
            dump(endpoint, to: &dumped)
            dump(proxy, to: &dumped)
            for text in ["\(proxy)", String(reflecting: proxy), "\(endpoint)", "\(endpoint.proxy)", dumped] {
                #expect(!text.contains("sesame"))
                #expect(!text.contains("someone"))
            }
        }
    }

    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"), ("?>?>~~", "Pz4/Pn5+"), ("Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
    ])
    func `base64 is that of RFC 4648`(text: String, encoded: String) {
        #expect(ProxySettings.base64(Array(text.utf8)) == encoded)
    }

    @Test(arguments: ["brøker", "a/b", "a@b", "a?b", "[::1]"])
    func `a broker that cannot be named to a proxy is refused before anything is sent`(host: String) {
        for proxy in [ProxySettings.http("h"), .socks5("h"), .socks4a("h")] {
            let error = #expect(throws: TransportError.self) {
                try ChannelStages(for: .tcp("b"), through: proxy, to: HostAndPort(host: host, port: 1883))
            }
            #expect(error?.code == .invalidEndpoint)
            #expect(error?.message.contains("proxy") == true)
        }
    }

    @Test(arguments: [0, -1, 65_536])
    func `a port that is none is refused before anything is sent`(port: Int) {
        #expect(throws: TransportError.self) {
            try ChannelStages(for: .tcp("b"), through: .http("h"), to: HostAndPort(host: "b", port: port))
        }
    }
}
