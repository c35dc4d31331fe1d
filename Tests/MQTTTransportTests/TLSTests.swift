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

    private var trusting: TLSSettings { TLSSettings(trust: .file(self.certificates.path("ca.pem"))) }

    private func echo(_ endpoint: Endpoint) async throws {
        let dialed = try await Dialed.connect(to: endpoint)
        try await dialed.send("over the road")
        #expect(try await dialed.receive(13) == "over the road")
        try await dialed.channel.close()
    }

    @Test(
        .sends("5:MQTT-4.2-1", "3.1.1:MQTT-7.1.2-1"),
        .receives("5:MQTT-4.2-1"),
        arguments: ["localhost", "LOCALHOST", "127.0.0.1"]
    )
    func `bytes travel both ways over TLS when the authority is trusted and the host is right`(
        host: String
    ) async throws {
        try await TestServer.with(tls: try TestServer.tls()) { server in
            try await self.echo(.tls(host, port: server.port, self.trusting))
            let inMemory = TLSSettings(trust: .pem(try self.certificates.bytes("ca.pem")))
            try await self.echo(.tls(host, port: server.port, inMemory))
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

    @Test(
        .receives("U5-5.4.7-1"),
        arguments: [
            ("server", "stranger", "localhost", "trusted authority"),
            ("expired", "ca", "localhost", "expired"),
            ("other", "ca", "localhost", "another host"),
            ("other", "ca", "127.0.0.1", "another host"),
        ]
    )
    func `a certificate that is not right is rejected and the error says why`(
        certificate: String,
        ca: String,
        host: String,
        why: String
    ) async throws {
        try await TestServer.with(tls: try TestServer.tls(certificate)) { server in
            let settings = TLSSettings(trust: .file(self.certificates.path("\(ca).pem")))
            let endpoint = Endpoint.tls(host, port: server.port, settings)
            let error = try #require(try await Dialed.failure(to: endpoint))
            #expect(error.code == .certificateRejected)
            #expect(error.message.contains(why), "\(error)")
            #expect(error.message.contains("mqtts://\(host):\(server.port)"))
            try await server.waitForTheEndOfAConnection()
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
            try await self.echo(.tls("127.0.0.1", port: server.port, settings))
            settings.serverName = "other.example."
            try await self.echo(.tls("127.0.0.1", port: server.port, settings))
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
            try await self.echo(.tls("localhost", port: server.port, settings))
            try await self.echo(.tls("127.0.0.1", port: server.port, settings))
            settings.trust = .file(self.certificates.path("stranger.pem"))
            let error = try await Dialed.failure(to: .tls("localhost", port: server.port, settings))
            #expect(error?.code == .certificateRejected)
        }
    }

    @Test(arguments: ["expired", "other", "server"])
    func `without any check every certificate is accepted`(certificate: String) async throws {
        try await TestServer.with(tls: try TestServer.tls(certificate)) { server in
            let settings = TLSSettings(verification: .insecureNone)
            try await self.echo(.tls("localhost", port: server.port, settings))
        }
    }

    @Test func `a server that wants a client certificate gets it from files and from memory`() async throws {
        let path = self.certificates.path
        let clientCertificates: [TLSSettings.ClientCertificate] = [
            .files(certificate: path("client.pem"), key: path("client.key")),
            .files(
                certificate: path("client.pem"),
                key: path("client-encrypted.key"),
                password: TestCertificates.password
            ),
            .pem(
                certificate: try self.certificates.bytes("client.pem"),
                key: try self.certificates.bytes("client-encrypted.key"),
                password: TestCertificates.password
            ),
        ]
        try await TestServer.with(tls: try TestServer.tls(clientsMustShow: "ca")) { server in
            for clientCertificate in clientCertificates {
                var settings = self.trusting
                settings.clientCertificate = clientCertificate
                try await self.echo(.tls("localhost", port: server.port, settings))
            }
        }
    }

    @Test(arguments: [nil, "stranger"])
    func `a server that does not get the client certificate it wants ends the handshake of TLS 1.2`(
        ca: String?
    ) async throws {
        let configuration = try TestServer.tls(clientsMustShow: "stranger", maximumVersion: .tlsv12)
        try await TestServer.with(tls: configuration) { server in
            var settings = self.trusting
            if ca != nil {
                settings.clientCertificate = .files(
                    certificate: self.certificates.path("client.pem"),
                    key: self.certificates.path("client.key")
                )
            }
            let error = try await Dialed.failure(to: .tls("localhost", port: server.port, settings))
            #expect(error?.code == .tlsHandshakeFailed)
        }
    }

    @Test func `with TLS 1.3 the refused client certificate is told behind the handshake`() async throws {
        try await TestServer.with(tls: try TestServer.tls(clientsMustShow: "ca")) { server in
            let endpoint = Endpoint.tls("localhost", port: server.port, self.trusting)
            let dialed = try await Dialed.connect(to: endpoint)
            let error = try #require(await dialed.end())
            let described = ChannelStages.describe(error, from: endpoint)
            #expect(described.code == .tlsHandshakeFailed)
            #expect(described.message.contains("wants a client certificate"), "\(described)")
        }
    }

    @Test func `a server that speaks no TLS is told apart`() async throws {
        try await TestServer.with(.greet) { server in
            let error = try await Dialed.failure(to: .tls("localhost", port: server.port, self.trusting))
            #expect(error?.code == .tlsHandshakeFailed)
            #expect(error?.message.contains("does not speak TLS") == true, "\(String(describing: error))")
        }
    }

    @Test func `a server that is silent during the handshake is left at the timeout`() async throws {
        try await TestServer.with(.silent) { server in
            let endpoint = Endpoint.tls("localhost", port: server.port, self.trusting)
            let error = try await Dialed.failure(to: endpoint, timeout: .seconds(2))
            #expect(error?.code == .tlsTimedOut)
            #expect(error?.message.contains("TLS handshake") == true)
            try await server.waitForTheEndOfAConnection()
        }
    }

    @Test func `the oldest version that is allowed is the oldest that is used`() async throws {
        try await TestServer.with(tls: try TestServer.tls(maximumVersion: .tlsv12)) { server in
            var settings = self.trusting
            try await self.echo(.tls("localhost", port: server.port, settings))
            settings.minimumVersion = .tls13
            let error = try await Dialed.failure(to: .tls("localhost", port: server.port, settings))
            #expect(error?.code == .tlsHandshakeFailed)
            #expect(error?.message.contains("no version of TLS") == true, "\(String(describing: error))")
        }
    }
}
