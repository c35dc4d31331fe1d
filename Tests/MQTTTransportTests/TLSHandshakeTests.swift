// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTTransport
import MosquittoFixture
import NIOCore
import NIOSSL
import Testing

/// What the two sides agree on, and how they fail to.
@Suite(.timeLimit(.minutes(10))) struct TLSHandshakeTests {
    private let certificates: TestCertificates

    init() throws { self.certificates = try TestCertificates.shared.get() }

    private var trusting: TLSSettings { self.certificates.trusting }

    // MARK: - No TLS there

    @Test(arguments: [
        (TestServer.Behaviour.greet, "it said: \"hello\""),
        (
            .answer(Array("HTTP/1.1 403 Forbidden\r\nServer: \u{1B}\"x\"\r\n\r\n<html>".utf8)),
            #"HTTP server without TLS; it said: "HTTP/1.1 403 Forbidden\r\nServer: \x1b\"x\"\r\n\r\n<html>""#
        ),
        (.answer([0x20, 0x02, 0x00, 0x01]), "seems to speak MQTT there without TLS."),
        (.answer(Array(repeating: 0xFF, count: 100_000)), "check the port."),
        (.answer(Array(repeating: UInt8(ascii: "a"), count: 100_000)), String(repeating: "a", count: 200) + "…\"."),
        (.answer([0x16, 0x55]), "does not speak TLS"),
    ])
    func `a server that answers in clear is told apart, with its words`(
        behaviour: TestServer.Behaviour,
        words: String
    ) async throws {
        try await TestServer.with(behaviour) { server in
            let endpoint = Endpoint.tls("localhost", port: server.port, self.trusting)
            let error = try await Dialed.failureOfTLS(to: endpoint, at: server)
            #expect(error.code == .wrongProtocol)
            #expect(error.message.contains("does not speak TLS on this port"))
            #expect(error.message.contains(words), "\(error)")
            #expect(error.message.utf8.count < 600)
        }
    }

    @Test func `bytes that only begin like TLS are no TLS either`() async throws {
        for bytes: [UInt8] in [[0x16], [0x16, 0x03, 0x09, 0xFF, 0xFF], [0x15, 0x03, 0x03, 0x00, 0x02, 0x63, 0x63]] {
            try await TestServer.with(.answer(bytes + Array(repeating: 0, count: 64))) { server in
                let endpoint = Endpoint.tls("localhost", port: server.port, self.trusting)
                let error = try await Dialed.failureOfTLS(to: endpoint, at: server)
                #expect([.wrongProtocol, .tlsHandshakeFailed].contains(error.code), "\(error)")
            }
        }
    }

    @Test func `the plain port of a real broker is no port for TLS`() async throws {
        try await MosquittoServer.withServer { server in
            let endpoint = Endpoint.tls("127.0.0.1", port: server.port, self.trusting)
            let error = try #require(try await Dialed.failure(to: endpoint))
            #expect([.wrongProtocol, .tlsHandshakeFailed].contains(error.code), "\(error)")
            #expect(error.message.contains("TLS"))
            #expect(error.stage == .tls)
        }
    }

    @Test(arguments: [TestServer.Behaviour.close, .reset])
    func `a server that leaves during the handshake is told apart`(behaviour: TestServer.Behaviour) async throws {
        try await TestServer.with(behaviour) { server in
            let endpoint = Endpoint.tls("localhost", port: server.port, self.trusting)
            let error = try await Dialed.failureOfTLS(to: endpoint, at: server)
            #expect(error.code == .tlsHandshakeFailed)
            #expect(error.message.contains("during the TLS handshake"), "\(error)")
        }
    }

    @Test func `a server that is silent during the handshake is left at the timeout`() async throws {
        try await TestServer.with(.silent) { server in
            let endpoint = Endpoint.tls("127.0.0.1", port: server.port, self.trusting)
            let error = try #require(try await Dialed.failure(to: endpoint, timeout: .seconds(6)))
            #expect(error.code == .tlsTimedOut)
            #expect(error.stage == .tls)
            #expect(error.message.contains("TLS handshake"))
            try await server.waitForTheEndOfAConnection()
        }
    }

    // MARK: - Terms

    @Test(arguments: [
        (["x-amzn-mqtt-ca", "mqtt"], ["mqtt"], "mqtt"),
        (["mqtt", "x-amzn-mqtt-ca"], ["x-amzn-mqtt-ca"], "x-amzn-mqtt-ca"),
        (["mqtt"], ["h2"], "none"), (["mqtt"], [], "none"), ([], ["mqtt"], "none"),
    ])
    func `a protocol is agreed on by ALPN, or none, which is accepted`(
        offered: [String],
        known: [String],
        chosen: String
    ) async throws {
        var configuration = try TestServer.tls()
        configuration.applicationProtocols = known
        try await TestServer.with(.nameProtocol, tls: configuration) { server in
            var settings = self.trusting
            settings.applicationProtocols = offered
            let dialed = try await Dialed.connect(to: .tls("localhost", port: server.port, settings))
            #expect(try await dialed.receive(chosen.utf8.count + 2) == "<\(chosen)>")
            try await dialed.channel.close()
        }
    }

    @Test func `the newest version that is allowed is the newest that is used`() async throws {
        try await TestServer.with(tls: try TestServer.tls()) { server in
            var settings = self.trusting
            try await Dialed.echo(over: .tls("localhost", port: server.port, settings)) {
                let found = try await server.nextVersion()
                #expect(found == .tlsv13)
            }
            settings.maximumVersion = .tls12
            try await Dialed.echo(over: .tls("localhost", port: server.port, settings)) {
                let found = try await server.nextVersion()
                #expect(found == .tlsv12)
            }
            settings.minimumVersion = .tls10
            settings.maximumVersion = .tls11
            try await Dialed.echo(over: .tls("localhost", port: server.port, settings)) {
                let found = try await server.nextVersion()
                #expect(found == .tlsv11)
            }
        }
    }

    @Test(arguments: ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"])
    func `only the cipher suites that are named are used up to TLS 1.2`(name: String) async throws {
        var configuration = try TestServer.tls(maximumVersion: .tlsv12)
        configuration.cipherSuiteValues = [.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]
        try await TestServer.with(tls: configuration) { server in
            var settings = self.trusting
            settings.cipherSuites = ["ECDHE-ECDSA-CHACHA20-POLY1305", name]
            try await Dialed.echo(over: .tls("localhost", port: server.port, settings))
            try await server.waitForTheEndOfAConnection()
            settings.cipherSuites = ["ECDHE-ECDSA-CHACHA20-POLY1305"]
            let error = try await Dialed.failureOfTLS(to: .tls("localhost", port: server.port, settings), at: server)
            #expect(error.code == .tlsHandshakeFailed)
        }
    }

    @Test func `suites that no allowed version knows fail without a trap`() async throws {
        try await TestServer.with(tls: try TestServer.tls()) { server in
            var settings = self.trusting
            settings.minimumVersion = .tls10
            settings.maximumVersion = .tls11
            settings.cipherSuites = ["ECDHE-ECDSA-AES256-GCM-SHA384"]
            let error = try #require(try await Dialed.failure(to: .tls("localhost", port: server.port, settings)))
            #expect(error.code == .tlsHandshakeFailed)
        }
    }

    @Test func `only the curves that are named are used`() async throws {
        var configuration = try TestServer.tls()
        configuration.curves = [.secp384r1, .secp521r1]
        try await TestServer.with(tls: configuration) { server in
            var settings = self.trusting
            settings.curves = [.secp521r1, .secp521r1]
            try await Dialed.echo(over: .tls("localhost", port: server.port, settings))
            try await server.waitForTheEndOfAConnection()
            settings.curves = [.x25519]
            let error = try await Dialed.failureOfTLS(to: .tls("localhost", port: server.port, settings), at: server)
            #expect(error.code == .tlsHandshakeFailed)
        }
    }
}
