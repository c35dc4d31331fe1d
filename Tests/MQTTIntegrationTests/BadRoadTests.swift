// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import NIOCore
import Testing

/// What stands in the way of a connection is told by stage and in the peer's words, in its time, and leaves nothing open.
@Suite(.timeLimit(.minutes(10))) struct BadRoadTests {
    /// What an attempt ended with, and how long it took.
    struct Outcome {
        let error: MQTTError
        let took: Duration

        /// The error is of the transport, of a stage, says certain words, and came long before the timeout.
        func expect(
            _ code: TransportError.Code,
            at stage: TransportError.Stage,
            saying words: String...,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            #expect(self.error.code == .transportFailed, "\(self.error)", sourceLocation: sourceLocation)
            #expect(self.error.transportError?.code == code, "\(self.error)", sourceLocation: sourceLocation)
            #expect(self.error.transportError?.stage == stage, "\(self.error)", sourceLocation: sourceLocation)
            for word in words {
                #expect(self.error.message.contains(word), "\(self.error)", sourceLocation: sourceLocation)
            }
        }
    }

    /// Long enough for any machine, and never waited for.
    private static let long = Duration.seconds(60)
    /// For peers that say nothing.
    private static let short = Duration.seconds(3)

    private static func attempt(
        _ endpoint: Endpoint,
        timeout: Duration = Self.long,
        handshakeTimeout: Duration = Self.long
    ) async throws -> Outcome {
        var configuration = MQTT5Client.Configuration()
        configuration.connectTimeout = timeout
        configuration.handshakeTimeout = handshakeTimeout
        let client = MQTT5Client(to: endpoint, clientID: unique("c"), configuration: configuration)
        let start = ContinuousClock.now
        do {
            try await client.connect()
        } catch {
            let took = ContinuousClock.now - start
            #expect(took < Self.long - .seconds(10), "it took \(took)")
            if min(timeout, handshakeTimeout) == Self.short { #expect(took >= Self.short) }
            #expect(!client.state.isConnected)
            return Outcome(error: error, took: took)
        }
        await client.disconnect()
        throw DeadlineMissed(description: "\(endpoint) was connected to")
    }

    // MARK: - TLS

    @Test func `a certificate of an authority that is not trusted`() async throws {
        let broker = try await RoadServers.broker
        let outcome = try await Self.attempt(.tls("localhost", port: broker.tlsPort))
        outcome.expect(.certificateRejected, at: .tls, saying: "localhost:\(broker.tlsPort)", "authority")
    }

    @Test func `a certificate that has expired, or is another host's`() async throws {
        try await MosquittoServer.withServer(.init(tls: .init(expired: true))) { server in
            let settings = TLSSettings(trust: .file(server.caFile))
            let outcome = try await Self.attempt(.tls("localhost", port: server.tlsPort, settings))
            outcome.expect(.certificateRejected, at: .tls, saying: "expired")
        }
        try await MosquittoServer.withServer(.init(tls: .init(serverNames: ["DNS:elsewhere.example"]))) { server in
            let settings = TLSSettings(trust: .file(server.caFile))
            let byName = try await Self.attempt(.tls("localhost", port: server.tlsPort, settings))
            byName.expect(.certificateRejected, at: .tls, saying: "localhost")
            let byAddress = try await Self.attempt(.tls("127.0.0.1", port: server.tlsPort, settings))
            byAddress.expect(.certificateRejected, at: .tls, saying: "127.0.0.1")
        }
    }

    @Test func `a broker that wants a certificate of the client's`() async throws {
        try await MosquittoServer.withServer(.init(tls: .init(requireCertificate: true))) { server in
            let settings = TLSSettings(trust: .file(server.caFile))
            let outcome = try await Self.attempt(.tls("localhost", port: server.tlsPort, settings))
            // With TLS 1.3 the refusal comes behind the handshake.
            #expect([.transportFailed, .connectionLost].contains(outcome.error.code))
            #expect(outcome.error.transportError?.code == .tlsHandshakeFailed, "\(outcome.error)")
            #expect(outcome.error.message.contains("certificate"), "\(outcome.error)")
        }
    }

    @Test func `TLS spoken to a plain port, and the reverse`() async throws {
        let broker = try await RoadServers.broker
        let toPlain = try await Self.attempt(.tls("localhost", port: broker.port))
        // Mosquitto closes such a connection without a word.
        toPlain.expect(.tlsHandshakeFailed, at: .tls, saying: "may not speak TLS on this port")
        let toSecure = try await Self.attempt(.tcp("localhost", port: broker.tlsPort))
        #expect([.transportFailed, .connectionLost].contains(toSecure.error.code))
        #expect(toSecure.error.message.contains("without TLS?"), "\(toSecure.error)")
    }

    @Test func `a port that answers with TLS to a client without, and with HTTP to one that wants MQTT`() async throws {
        try await ScriptedServer.with { connection, _ in
            _ = try await connection.packet()
            // An alert: protocol version.
            try await connection.write([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46])
            _ = try await connection.rest()
        } _: { port in
            let outcome = try await Self.attempt(.tcp("127.0.0.1", port: port))
            outcome.expect(.wrongProtocol, at: .open, saying: "speaks TLS", "mqtts://")
        }
        try await ScriptedServer.with { connection, _ in
            _ = try await connection.packet()
            try await connection.write(Array("HTTP/1.1 400 Bad Request\r\n\r\n<html>".utf8))
            _ = try await connection.rest()
        } _: { port in
            let outcome = try await Self.attempt(.tcp("127.0.0.1", port: port))
            outcome.expect(.wrongProtocol, at: .open, saying: "HTTP/1.1 400 Bad Request", "ws://")
        }
    }

    // MARK: - WebSocket

    @Test(arguments: [
        (
            "HTTP/1.1 403 Forbidden\r\nContent-Length: 21\r\n\r\n<html>not you</html>\n",
            ["403", "Forbidden", "not you"]
        ),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>welcome</html>", ["200", "welcome"]),
    ])
    func `an HTTP server that gives no WebSocket is quoted`(answer: String, words: [String]) async throws {
        try await ScriptedServer.with { connection, _ in
            try await connection.write(Array(answer.utf8))
            _ = try await connection.rest()
        } _: { port in
            let outcome = try await Self.attempt(.webSocket("127.0.0.1", port: port))
            outcome.expect(.webSocketRefused, at: .webSocket, saying: "ws://127.0.0.1:\(port)/mqtt")
            for word in words { #expect(outcome.error.message.contains(word), "\(outcome.error)") }
        }
    }

    // MARK: - Proxies

    @Test func `a proxy that refuses is quoted`() async throws {
        let broker = try await RoadServers.broker
        try await TinyProxy.withProxy(connectPorts: [443]) { proxy in
            var endpoint = Endpoint.tcp("127.0.0.1", port: broker.port)
            endpoint.proxy = .through(.http("127.0.0.1", port: proxy.port))
            let outcome = try await Self.attempt(endpoint)
            outcome.expect(.proxyRefused, at: .proxy, saying: "http://127.0.0.1:\(proxy.port)", "403")
        }
        try await Dante.withServer(blockedPorts: [broker.port]) { proxy in
            var endpoint = Endpoint.tcp("127.0.0.1", port: broker.port)
            endpoint.proxy = .through(.socks5("127.0.0.1", port: proxy.port))
            let outcome = try await Self.attempt(endpoint)
            outcome.expect(.proxyRefused, at: .proxy, saying: "\(proxy.port)", "not allowed")
        }
    }

    @Test(arguments: [false, true]) func `a proxy that hangs or closes`(isSOCKS: Bool) async throws {
        for (hangs, code) in [(true, TransportError.Code.proxyTimedOut), (false, .proxyRefused)] {
            try await ScriptedServer.with { connection, _ in
                if hangs { _ = try await connection.rest() }
            } _: { port in
                var endpoint = Endpoint.tcp("broker.invalid")
                endpoint.proxy = .through(isSOCKS ? .socks5("127.0.0.1", port: port) : .http("127.0.0.1", port: port))
                let outcome = try await Self.attempt(endpoint, timeout: hangs ? Self.short : Self.long)
                outcome.expect(code, at: .proxy, saying: "proxy")
            }
        }
    }

    @Test func `a proxy that is not there`() async throws {
        let port = try await FreePort.find()
        var endpoint = Endpoint.tcp("broker.invalid")
        endpoint.proxy = .through(.http("127.0.0.1", port: port))
        let outcome = try await Self.attempt(endpoint)
        outcome.expect(.connectionRefused, at: .connecting, saying: "proxy http://127.0.0.1:\(port)")
    }

    // MARK: - Names, ports, silence

    @Test func `a name that does not resolve, a port nobody listens on, a socket that is not there`() async throws {
        let unknown = try await Self.attempt(.tcp("broker.invalid"))
        unknown.expect(.nameResolutionFailed, at: .nameLookup, saying: "\"broker.invalid\"")
        let port = try await FreePort.find()
        let refused = try await Self.attempt(.tcp("127.0.0.1", port: port))
        refused.expect(.connectionRefused, at: .connecting, saying: "127.0.0.1:\(port)", "nobody listens")
        let absent = try await Self.attempt(.unix("/nowhere/broker.sock"))
        absent.expect(.unreachable, at: .connecting, saying: "unix:///nowhere/broker.sock", "no socket")
    }

    @Test func `fault 7: a server that accepts and says nothing, at each stage that waits for a word`() async throws {
        try await ScriptedServer.with { connection, _ in
            _ = try await connection.rest()
        } _: { port in
            let connack = try await Self.attempt(.tcp("127.0.0.1", port: port), handshakeTimeout: Self.short)
            #expect(connack.error.code == .timedOut)
            #expect(connack.error.message.contains("CONNACK"))
            let tls = try await Self.attempt(.tls("127.0.0.1", port: port), timeout: Self.short)
            tls.expect(.tlsTimedOut, at: .tls, saying: "mqtts://127.0.0.1:\(port)", "TLS handshake")
            let webSocket = try await Self.attempt(.webSocket("127.0.0.1", port: port), timeout: Self.short)
            webSocket.expect(.webSocketTimedOut, at: .webSocket, saying: "ws://127.0.0.1:\(port)", "WebSocket")
        }
    }

    @Test func `failed attempts leave no connection open`() async throws {
        let (ends, ended) = AsyncStream<Int>.makeStream()
        try await ScriptedServer.with { connection, number in
            // Ends when the client closes.
            _ = try await connection.rest()
            ended.yield(number)
        } _: { port in
            let endpoints: [Endpoint] = [
                .tls("127.0.0.1", port: port), .webSocket("127.0.0.1", port: port),
                .secureWebSocket("127.0.0.1", port: port),
            ]
            for endpoint in endpoints { _ = try await Self.attempt(endpoint, timeout: Self.short) }
            _ = try await Self.attempt(.tcp("127.0.0.1", port: port), handshakeTimeout: Self.short)
            try await withDeadline(.seconds(60)) {
                var left = 4
                for await _ in ends {
                    left -= 1
                    if left == 0 { return }
                }
            }
        }
    }
}
