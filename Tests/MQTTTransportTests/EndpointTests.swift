// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTTransport
import Testing

@Suite struct EndpointTests {
    @Test(arguments: [
        ("mqtt://localhost", "localhost", 1883, "mqtt://localhost:1883"),
        ("mqtt://localhost/", "localhost", 1883, "mqtt://localhost:1883"),
        ("MQTT://localhost:1884", "localhost", 1884, "mqtt://localhost:1884"),
        ("mqtts://broker.example.com", "broker.example.com", 8883, "mqtts://broker.example.com:8883"),
        ("mqtts://10.0.0.1:443", "10.0.0.1", 443, "mqtts://10.0.0.1:443"),
        ("mqtt://[::1]", "::1", 1883, "mqtt://[::1]:1883"),
        ("mqtts://[fe80::1%25eth0]:8884", "fe80::1%eth0", 8884, "mqtts://[fe80::1%eth0]:8884"),
        ("mqtt://host:", "host", 1883, "mqtt://host:1883"),
        ("ws://host", "host", 80, "ws://host:80/mqtt"),
        ("ws://host/", "host", 80, "ws://host:80/"),
        ("ws://host?token=sesame", "host", 80, "ws://host:80/mqtt"),
        ("WSS://[::1]:8084/a/b%20c?token=sesame", "::1", 8084, "wss://[::1]:8084/a/b%20c"),
        ("wss://host", "host", 443, "wss://host:443/mqtt"),
        ("unix:///run/a%20b%3F.sock", "/run/a b?.sock", 0, "unix:///run/a b?.sock"),
    ])
    func `a URL is taken apart`(url: String, host: String, port: Int, description: String) throws {
        let endpoint = try Endpoint(url: url)
        #expect(endpoint.host == host)
        #expect(endpoint.port == port)
        #expect(endpoint.description == description)
        #expect(endpoint.userInfo == nil)
    }

    @Test func `TLS and WebSocket of an endpoint from a URL can be set, and nothing else changes`() throws {
        var endpoint = try Endpoint(url: "mqtts://u:p@broker:8884")
        endpoint.tls?.serverName = "other"
        var settings = TLSSettings()
        settings.serverName = "other"
        #expect(endpoint.tls == settings)
        #expect(endpoint.description == "mqtts://broker:8884")
        #expect(endpoint.userInfo?.value.user == "u")
        endpoint.tls = nil
        #expect(!endpoint.isSecure && endpoint.description == "mqtt://broker:8884")
        endpoint.webSocket = WebSocketSettings(path: "/x")
        #expect(endpoint.description == "ws://broker:8884/x")
    }

    @Test(
        arguments: [
            ("mqtt://u:p@host", "u", "p"),
            ("mqtt://u@host", "u", nil),
            ("mqtt://u:@host", "u", ""),
            ("mqtt://:p@host", "", "p"),
            ("mqtt://u%40home:p%3A%2Fq@host:1", "u@home", "p:/q"),
            ("mqtt://u:p@ss:word@host", "u", "p@ss:word"),
            ("mqtts://%C3%A9:%f0%9f%8c%a1@host", "é", "🌡"),
            ("ws://u:p@host/path", "u", "p"),
            ("unix://u:p@/host", "u", "p"),
        ] as [(String, String, String?)]
    )
    func `user name and password are decoded and never shown`(url: String, user: String, password: String?) throws {
        let endpoint = try Endpoint(url: url)
        #expect(endpoint.host == "host" || endpoint.host == "/host")
        #expect(endpoint.userInfo?.value == Endpoint.UserInfo(user: user, password: password))
        #expect(!endpoint.description.contains("@"))
    }

    @Test func `credentials do not appear in any description`() throws {
        let endpoint = try Endpoint(url: "mqtt://someone:sesame@host")
        var dumped = ""
        dump(endpoint, to: &dumped)
        for text in ["\(endpoint)", String(reflecting: endpoint), "\([endpoint])", dumped] {
            #expect(!text.contains("sesame"))
            #expect(!text.contains("someone"))
        }
    }

    @Test(arguments: [
        ("", "no scheme"), ("localhost", "no scheme"), ("localhost:1883", "no scheme"), ("mqtt:localhost", "no scheme"),
        ("http://localhost", "use 'mqtt', 'mqtts'"), ("tcp://localhost", "'ws', 'wss' or 'unix'"), ("://h", "'mqtt',"),
        ("mqtt://", "host is empty"), ("mqtt://:1883", "host is empty"), ("mqtt://u:sesame@", "host is empty"),
        ("mqtt://u:sesame@:1883", "host is empty"),
        ("mqtt://h:0", "port"), ("mqtt://h:65536", "port"), ("mqtt://h:x", "port"), ("mqtt://h:-1", "port"),
        ("mqtt://h:99999999999999999999", "port"), ("mqtt://h:+1", "port"), ("mqtt://h:１", "port"),
        ("mqtt://::1", "brackets"), ("mqtt://[::1", "bracket"), ("mqtt://[::1]x", "brackets"), ("mqtt://[h]", "IPv6"),
        ("mqtt://h/path", "no path"), ("mqtts://h?q", "no path"), ("mqtt://h#f", "no path"), ("mqtt://h/?", "no path"),
        ("ws://h#f", "no fragment"),
        ("mqtt://u%zz:sesame@h", "user name"), ("mqtt://u:sesame%2@h", "password"),
        ("mqtt://u:sesame%ff@h", "password"),
        ("ws://h/path#f", "fragment"), ("ws://", "host is empty"), ("ws://h/a b", "path"), ("ws://h/é", "path"),
        ("unix://", "three slashes"), ("unix:///", "three slashes"), ("unix://run/m.sock", "three slashes"),
        ("unix://localhost:1/m.sock", "three slashes"), ("unix:///m.sock?q", "query"), ("unix:///m%zz", "percent"),
        ("unix:///" + String(repeating: "a", count: 103), "103 bytes"), ("unix:///m%00", "103 bytes"),
        ("mqtt://h%00", "control"), ("mqtt://h h", "spaces"), ("mqtt://%ff", "percent"),
    ])
    func `a bad URL is refused with what is wrong`(url: String, why: String) {
        let error = #expect(throws: TransportError.self) { try Endpoint(url: url) }
        #expect(error?.code == .invalidEndpoint)
        #expect(error?.message.contains(why) == true, "\(error?.message ?? "accepted")")
        #expect(error?.message.contains("sesame") == false)
    }

    @Test func `the path and query of a WebSocket URL are sent as they are`() throws {
        #expect(try Endpoint(url: "ws://h/a%20b?c=%2F&d").webSocket?.path == "/a%20b?c=%2F&d")
        #expect(try Endpoint(url: "ws://h?c").webSocket?.path == "/mqtt?c")
    }

    @Test func `the way to another server is the same, but for the name its certificate is for`() throws {
        var endpoint = try Endpoint(url: "wss://someone:sesame@h/ws")
        endpoint.proxy = .through(.socks5("p"))
        endpoint.socketOptions = SocketOptions(bindAddress: "127.0.0.1", noDelay: false)
        let moved = endpoint.moved(to: "other.example", port: nil)
        #expect(moved.description == "wss://other.example:443/ws")
        #expect(moved.proxy == endpoint.proxy)
        #expect(moved.socketOptions == endpoint.socketOptions)
        #expect(moved.userInfo == endpoint.userInfo)
        let pinned = Endpoint.tls("h", TLSSettings(serverName: "pinned.example")).moved(to: "[::1]", port: 1)
        #expect(pinned.tls?.serverName == nil)
        #expect(pinned.description == "mqtts://[::1]:1")
    }

    @Test func `the factories have the ports of the standard and take IPv6 with and without brackets`() {
        #expect(Endpoint.tcp("h").description == "mqtt://h:1883")
        #expect(Endpoint.tls("h").description == "mqtts://h:8883")
        #expect(Endpoint.webSocket("h").description == "ws://h:80/mqtt")
        #expect(Endpoint.secureWebSocket("h").description == "wss://h:443/mqtt")
        #expect(Endpoint.tcp("[::1]") == Endpoint.tcp("::1"))
        #expect(Endpoint.tcp("h") != Endpoint.tls("h", port: 1883))
    }
}
