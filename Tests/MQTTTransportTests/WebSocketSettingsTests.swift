// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTTransport
import NIOCore
import NIOEmbedded
import Testing

@Suite struct WebSocketSettingsTests {
    private func failure(_ settings: WebSocketSettings) -> TransportError? {
        do throws(TransportError) {
            _ = try ChannelStages(for: .webSocket("h", settings))
            return nil
        } catch {
            return error
        }
    }

    /// The request that goes out to an endpoint.
    private func request(to endpoint: Endpoint) throws -> [String] {
        let channel = EmbeddedChannel()
        try ChannelStages(for: endpoint).configure(channel).assumeIsolated().whenFailure { _ in }
        var text = ""
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        ChannelStages.abandon(channel)
        return text.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
    }

    @Test(.sends("5:MQTT-6.0.0-3", "3.1.1:MQTT-6.0.0-3"))
    func `the request offers the subprotocol mqtt, at the path asked for, and no origin`() throws {
        let lines = try self.request(to: .webSocket("broker.example", .init(path: "/mqtt?a=%20b&c")))
        let key = try #require(lines.first { $0.hasPrefix("Sec-WebSocket-Key: ") })
        #expect(key.utf8.count == "Sec-WebSocket-Key: ".utf8.count + 24 && key.hasSuffix("=="))
        #expect(
            lines == [
                "GET /mqtt?a=%20b&c HTTP/1.1", "Host: broker.example", "Upgrade: websocket", "Connection: Upgrade", key,
                "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: mqtt", "", "",
            ]
        )
        // What is for a proxy is no business of the broker's.
        var proxied = Endpoint.webSocket("broker.example", .init(path: "/mqtt?a=%20b&c"))
        proxied.proxy = .through(.http("p", username: "someone", password: "sesame"))
        #expect(try self.request(to: proxied).map { $0.prefix(12) } == lines.map { $0.prefix(12) })
        let again = try self.request(to: .webSocket("broker.example"))
        #expect(!again.contains(key), "the key is random")
    }

    @Test func `another subprotocol can be asked for, as MQTT 3.1 may need`() throws {
        let lines = try self.request(to: .webSocket("h", .init(subprotocol: "mqttv3.1")))
        #expect(lines.contains("Sec-WebSocket-Protocol: mqttv3.1"))
    }

    @Test(arguments: [
        (Endpoint.webSocket("h"), "h"), (.webSocket("h", port: 8080), "h:8080"), (.webSocket("h", port: 443), "h:443"),
        (.webSocket("::1"), "[::1]"), (.webSocket("[fe80::1%lo]", port: 1), "[fe80::1]:1"),
        (.webSocket("127.0.0.1", port: 80), "127.0.0.1"),
        (.unix("/tmp/s", webSocket: WebSocketSettings()), "localhost"),
    ])
    func `the host is named as in the URL`(endpoint: Endpoint, host: String) throws {
        #expect(try self.request(to: endpoint).contains("Host: \(host)"))
    }

    @Test func `headers are added in their order, or replace the default ones`() throws {
        let headers: WebSocketHeaders = ["X-b": "1", "host": "other", "X-a": "2", "x-B": "3", "Origin": "https://o"]
        let lines = try self.request(to: .webSocket("h", .init(headers: headers)))
        #expect(lines.suffix(7) == ["X-b: 1", "host: other", "X-a: 2", "x-B: 3", "Origin: https://o", "", ""])
        #expect(!lines.contains("Host: h"))
    }

    @Test(arguments: [
        ("mqtt", "'/mqtt'"), ("", "'/mqtt'"), ("?a", "'/mqtt'"), ("/a b", "'%20'"), ("/a#b", "'%23'"),
        ("/a\r\nX: y", "control"), ("/a\u{0}", "control"), ("/a\u{7F}", "control"), ("/ä", "'%C3%A4'"),
    ])
    func `a path that cannot be sent is refused, with what to write`(path: String, why: String) throws {
        let error = try #require(self.failure(.init(path: path)))
        #expect(error.code == .invalidEndpoint)
        #expect(error.message.contains(why), "\(error)")
    }

    @Test(arguments: ["", "a b", "mqtt,other", "mqtt\r\nX: y", "ä"])
    func `a subprotocol that is no token is refused`(name: String) throws {
        let error = try #require(self.failure(.init(subprotocol: name)))
        #expect(error.code == .invalidEndpoint)
        #expect(error.message.contains("'mqtt'"))
    }

    @Test(
        arguments: [
            (["Authorization": "sesame\r\nX: y"], "control character"), (["A": "sesame\u{0}"], "control character"),
            (["A": "sesame\n"], "control character"), (["A": "sesame\u{7F}"], "control character"),
            (["": "sesame"], "name"), (["A b": "sesame"], "name"), (["A:": "sesame"], "name"),
            (["Ä": "sesame"], "name"),
            (["upgrade": "sesame"], "handshake"), (["CONNECTION": "sesame"], "handshake"),
            (["Sec-WebSocket-Key": "sesame"], "handshake"), (["Sec-WebSocket-Version": "sesame"], "handshake"),
            (["Sec-WebSocket-Protocol": "sesame"], "subprotocol"),
            (["Sec-WebSocket-Extensions": "sesame"], "extension"),
            (["Content-Length": "sesame"], "body"), (["Transfer-Encoding": "sesame"], "body"),
            (["A": String(repeating: "sesame", count: 20_000)], "longer"),
        ] as [(WebSocketHeaders, String)]
    )
    func `headers that cannot be sent are refused without showing them`(
        headers: WebSocketHeaders,
        why: String
    ) throws {
        let error = try #require(self.failure(.init(headers: headers)))
        #expect(error.code == .invalidEndpoint)
        #expect(error.message.contains(why), "\(error)")
        #expect(!error.message.contains("sesame"))
    }

    @Test func `header names are compared without regard to case`() {
        var headers: WebSocketHeaders = ["A": "1", "B": "2", "a": "3"]
        #expect(headers.values(for: "A") == ["1", "3"] && headers.names == ["A", "B", "a"])
        headers.set("4", for: "a")
        #expect(headers == ["a": "4", "b": "2"] && headers != ["b": "2", "a": "4"])
        headers.add("5", for: "b")
        headers.set("6", for: "c")
        #expect(headers == ["A": "4", "B": "2", "B": "5", "C": "6"])
        headers.remove("B")
        #expect(headers == ["A": "4", "C": "6"])
        #expect(Set([headers, ["a": "4", "c": "6"]]).count == 1)
        #expect(WebSocketHeaders().names.isEmpty)
    }

    @Test func `header values and the query do not appear in descriptions`() {
        let settings = WebSocketSettings(path: "/mqtt?token=sesame", headers: ["Authorization": "sesame"]) { $0 }
        var dumped = ""
        dump(settings, to: &dumped)
        dump(Endpoint.webSocket("h", settings), to: &dumped)
        let endpoint = Endpoint.webSocket("h", settings)
        for text in ["\(settings)", String(reflecting: settings), "\(settings.headers)", "\(endpoint)", dumped] {
            #expect(!text.contains("sesame"), "\(text)")
        }
        #expect("\(settings)".contains("/mqtt") && "\(settings)".contains("Authorization"))
    }

    @Test func `settings with a function equal only their copies`() {
        let settings = WebSocketSettings { $0 }
        let copy = settings
        #expect(settings == copy && settings != WebSocketSettings { $0 } && settings != WebSocketSettings())
    }
}
