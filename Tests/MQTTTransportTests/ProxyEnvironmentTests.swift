// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import MQTTTransport

@Suite struct ProxyEnvironmentTests {
    private func proxy(_ variables: [String: String], for endpoint: Endpoint = .tcp("broker.example")) throws -> String?
    {
        try ProxyEnvironment { variables[$0] }.proxy(for: endpoint)?.description
    }

    @Test(
        arguments: [
            ([:], nil), (["mqtt_proxy": ""], nil), (["mqtt_proxy": "  "], nil),
            (["mqtt_proxy": "socks5://h:9"], "socks5://h:9"), (["MQTT_PROXY": "https://h"], "https://h:443"),
            (["mqtt_proxy": "h:3128"], "http://h:3128"), (["mqtt_proxy": " h "], "http://h:8080"),
            (["mqtt_proxy": "u:p@h:1"], "http://h:1"), (["mqtt_proxy": "[::1]:1"], "http://[::1]:1"),
            (["mqtt_proxy": "h:1", "MQTT_PROXY": "h:2"], "http://h:1"), (["mqtt_proxy": "", "MQTT_PROXY": "h:2"], nil),
            (["http_proxy": "h:1", "ALL_PROXY": "h:1"], nil),
            (["mqtt_proxy": "h:1", "no_proxy": ""], "http://h:1"), (["mqtt_proxy": "h:1", "no_proxy": "*"], nil),
            (["mqtt_proxy": "h:1", "NO_PROXY": "broker.example"], nil),
            (["mqtt_proxy": "h:1", "no_proxy": "other", "NO_PROXY": "*"], "http://h:1"),
        ] as [([String: String], String?)]
    )
    func `the environment names a proxy`(variables: [String: String], proxy: String?) throws {
        #expect(try self.proxy(variables) == proxy)
    }

    @Test func `the credentials in the environment are used`() throws {
        let proxy = try ProxyEnvironment { $0 == "mqtt_proxy" ? "u:p@h" : nil }.proxy(for: .tcp("b"))
        #expect(proxy == .http("h", username: "u", password: "p"))
    }

    @Test(arguments: [
        (["mqtt_proxy": "ftp://u:sesame@h"], "mqtt_proxy"), (["MQTT_PROXY": "u:sesame@"], "MQTT_PROXY"),
        (["mqtt_proxy": "sesame word"], "mqtt_proxy"), (["mqtt_proxy": "u:sesame"], "mqtt_proxy"),
        (["mqtt_proxy": "h", "no_proxy": "10.0.0.0/33,sesame"], "no_proxy"),
        (["mqtt_proxy": "h", "NO_PROXY": "sesame:x"], "NO_PROXY"),
        (["mqtt_proxy": "h", "NO_PROXY": "sesame:0"], "NO_PROXY"),
        (["mqtt_proxy": "h", "NO_PROXY": "sesame:65536"], "NO_PROXY"),
        (["mqtt_proxy": "h", "no_proxy": "."], "no_proxy"),
        (["mqtt_proxy": "h", "no_proxy": "sesame/8"], "no_proxy"),
        (["mqtt_proxy": "h", "no_proxy": "[::1]x"], "no_proxy"),
        (["mqtt_proxy": "h", "no_proxy": "::1/129"], "no_proxy"),
        (["mqtt_proxy": "h", "no_proxy": "10.0.0.0/-1"], "no_p"),
    ])
    func `a bad variable is an error that names it and does not show its value`(
        variables: [String: String],
        name: String
    ) {
        let error = #expect(throws: TransportError.self) { try self.proxy(variables) }
        #expect(error?.code == .invalidEndpoint)
        #expect(error?.message.contains(name) == true, "\(error?.message ?? "accepted")")
        #expect(error?.message.contains("sesame") == false)
    }

    @Test(arguments: [
        ("example.com", "example.com", 1883, true), ("example.com", "mqtt.example.com", 1883, true),
        (".example.com", "example.com", 1883, true), (".example.com", "mqtt.example.com", 1883, true),
        ("*.example.com", "mqtt.example.com", 1883, true), ("example.com", "badexample.com", 1883, false),
        ("example.com", "example.com.evil", 1883, false), ("mqtt.example.com", "example.com", 1883, false),
        ("Example.COM", "MQTT.example.com.", 1883, true), ("example.com.", "example.com", 1883, true),
        ("example.com:1883", "example.com", 1883, true), ("example.com:8883", "example.com", 1883, false),
        ("a, b ,c", "b", 1, true), ("a b", "b", 1, true), (",,", "a", 1, false), ("*:8883", "a", 8883, true),
        ("*:8883", "a", 1883, false), ("localhost", "localhost", 1883, true), ("localhost", "127.0.0.1", 1883, false),
        ("127.0.0.1", "127.0.0.1", 1883, true), ("0.0.1", "127.0.0.1", 1883, false), ("1", "127.0.0.1", 1883, false),
        ("127.0.0.1:1884", "127.0.0.1", 1883, false), ("127.0.0.1:1883", "127.0.0.1", 1883, true),
        ("10.0.0.0/8", "10.255.0.1", 1, true), ("10.0.0.0/8", "11.0.0.1", 1, false),
        ("192.168.1.128/25", "192.168.1.200", 1, true), ("192.168.1.128/25", "192.168.1.100", 1, false),
        ("0.0.0.0/0", "8.8.8.8", 1, true), ("0.0.0.0/0", "::1", 1, false), ("10.0.0.0/8:1883", "10.0.0.1", 1883, true),
        ("10.0.0.0/8:1", "10.0.0.1", 1883, false), ("10.0.0.1/32", "10.0.0.1", 1, true), ("::1", "::1", 1, true),
        ("[::1]", "::1", 1, true), ("[::1]:1883", "::1", 1883, true), ("[::1]:1883", "::1", 1884, false),
        ("0:0:0:0:0:0:0:1", "::1", 1, true), ("fe80::/10", "fe80::1%eth0", 1, true), ("fe80::/10", "fec0::1", 1, false),
        ("::/0", "2001:db8::1", 1, true), ("::1/128", "::2", 1, false),
    ])
    func `no_proxy lists hosts, domains, addresses and blocks`(list: String, host: String, port: Int, isIn: Bool) throws
    {
        let exceptions = try #require(ProxyExceptions(list))
        #expect(exceptions.contain(host: host, port: port) == isIn)
    }

    @Test func `what is no host needs no proxy of the environment`() throws {
        #expect(try self.proxy(["mqtt_proxy": "h:1"], for: .unix("/tmp/socket")) == nil)
    }

    @Test func `the variables of this process are read each time`() async {
        // In a process of its own: nobody else may look at its environment meanwhile.
        await #expect(processExitsWith: .success) {
            if !ProxyEnvironmentTests.isReadEachTime() { exit(EXIT_FAILURE) }
        }
    }

    private static func isReadEachTime() -> Bool {
        let endpoint = Endpoint.tcp("broker.example")
        func proxy(_ choice: ProxyChoice) -> ProxySettings? { try? choice.proxy(for: endpoint) }
        unsetenv("no_proxy")
        unsetenv("NO_PROXY")
        setenv("mqtt_proxy", "socks5h://h:9", 1)
        guard proxy(.environment) == .socks5("h", port: 9) else { return false }
        setenv("no_proxy", ".example", 1)
        guard proxy(.environment) == nil else { return false }
        unsetenv("no_proxy")
        guard proxy(.direct) == nil, proxy(.through(.http("h"))) == .http("h") else { return false }
        guard proxy(.environment) != nil else { return false }
        unsetenv("mqtt_proxy")
        unsetenv("MQTT_PROXY")
        return proxy(.environment) == nil
    }
}
