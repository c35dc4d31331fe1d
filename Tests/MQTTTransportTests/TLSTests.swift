// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTTransport
import NIOCore
import NIOSSL
import Testing

@Suite(.timeLimit(.minutes(10))) struct TLSTests {
    private let certificates: TestCertificates

    init() throws { self.certificates = try TestCertificates.shared.get() }

    private var trusting: TLSSettings { self.certificates.trusting }

    @Test(
        .sends("5:MQTT-4.2-1", "3.1.1:MQTT-7.1.2-1"),
        .receives("5:MQTT-4.2-1"),
        arguments: ["localhost", "LOCALHOST", "127.0.0.1"]
    )
    func `bytes travel both ways over TLS when the authority is trusted and the host is right`(
        host: String
    ) async throws {
        try await TestServer.with(tls: try TestServer.tls()) { server in
            try await Dialed.echo(over: .tls(host, port: server.port, self.trusting))
            let inMemory = TLSSettings(trust: .pem(try self.certificates.bytes("ca.pem")))
            try await Dialed.echo(over: .tls(host, port: server.port, inMemory))
        }
    }

    @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
    func `what the server says right behind the handshake is not lost`(version: TLSVersion) async throws {
        try await TestServer.with(.greet, tls: try TestServer.tls(maximumVersion: version)) { server in
            for _ in 0..<20 {
                let dialed = try await Dialed.connect(to: .tls("localhost", port: server.port, self.trusting))
                #expect(try await dialed.receive(5) == "hello")
                try await dialed.channel.close()
            }
        }
    }

    @Test func `an own authority replaces the system's, and the system's does not know ours`() async throws {
        try await TestServer.with(tls: try TestServer.tls()) { server in
            let error = try #require(try await Dialed.failure(to: .tls("localhost", port: server.port)))
            #expect(error.code == .certificateRejected)
        }
    }

    @Test(.receives("U5-5.4.7-1")) func `another server name can be asked for, and is what is checked`() async throws {
        try await TestServer.with(tls: try TestServer.tls("other")) { server in
            var settings = self.trusting
            settings.serverName = "other.example"
            try await Dialed.echo(over: .tls("127.0.0.1", port: server.port, settings))
            settings.serverName = "other.example."
            try await Dialed.echo(over: .tls("127.0.0.1", port: server.port, settings))
            settings.serverName = "another.example"
            let error = try await Dialed.failure(to: .tls("localhost", port: server.port, settings))
            #expect(error?.code == .certificateRejected)
            #expect(error?.message.contains("another.example") == true)
        }
    }

    @Test func `without the check of the host name only the authority counts`() async throws {
        var settings = self.trusting
        settings.verification = .insecureWithoutHostName
        try await TestServer.with(tls: try TestServer.tls("other")) { server in
            try await Dialed.echo(over: .tls("localhost", port: server.port, settings))
            try await Dialed.echo(over: .tls("127.0.0.1", port: server.port, settings))
            settings.trust = .file(self.certificates.path("stranger.pem"))
            let error = try await Dialed.failure(to: .tls("localhost", port: server.port, settings))
            #expect(error?.code == .certificateRejected)
        }
    }

    @Test(arguments: ["expired", "other", "server"])
    func `without any check every certificate is accepted`(certificate: String) async throws {
        try await TestServer.with(tls: try TestServer.tls(certificate)) { server in
            let settings = TLSSettings(verification: .insecureNone)
            try await Dialed.echo(over: .tls("localhost", port: server.port, settings))
        }
    }

    @Test func `the oldest version that is allowed is the oldest that is used`() async throws {
        try await TestServer.with(tls: try TestServer.tls(maximumVersion: .tlsv12)) { server in
            var settings = self.trusting
            try await Dialed.echo(over: .tls("localhost", port: server.port, settings))
            settings.minimumVersion = .tls13
            let error = try await Dialed.failure(to: .tls("localhost", port: server.port, settings))
            #expect(error?.code == .tlsHandshakeFailed)
            #expect(error?.message.contains("no version of TLS") == true, "\(String(describing: error))")
        }
    }
}
