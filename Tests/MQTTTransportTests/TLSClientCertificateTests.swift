// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import MQTTTransport
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

/// Servers that want to know who the client is.
@Suite(.timeLimit(.minutes(10))) struct TLSClientCertificateTests {
    private let certificates: TestCertificates

    init() throws { self.certificates = try TestCertificates.shared.get() }

    private func settings(_ certificate: TLSSettings.ClientCertificate) -> TLSSettings {
        var settings = self.certificates.trusting
        settings.clientCertificate = certificate
        return settings
    }

    @Test func `a server that wants a client certificate gets it in every form it is given in`() async throws {
        let path = self.certificates.path
        let bytes = self.certificates.bytes
        let password = TestCertificates.password
        let forms: [TLSSettings.ClientCertificate] = [
            .files(certificate: path("client.pem"), key: path("client.key")),
            .files(certificate: path("client.pem"), key: path("client-encrypted.key"), password: password),
            .files(certificate: path("client.der"), key: path("client-key.der")),
            .pem(certificate: try bytes("client.pem"), key: try bytes("client.key")),
            .pem(certificate: try bytes("client.pem"), key: try bytes("client-encrypted.key"), password: password),
            .pkcs12(file: path("client.p12"), password: password),
            .pkcs12(file: path("client-old.p12"), password: password),
            .pkcs12(bytes: try bytes("client.p12"), password: password),
            .pkcs12(file: path("client-open.p12")),
            .pkcs12(file: path("client-open.p12"), password: ""),
            .pkcs12(file: path("client.p12")).askingForPassword { password },
            .pem(certificate: try bytes("client.pem"), key: try bytes("client-encrypted.key"))
                .askingForPassword { password },
        ]
        let shown = try NIOSSLCertificate.fromPEMFile(path("client.pem")).first
        try await TestServer.with(tls: try TestServer.tls(clientsMustShow: "ca")) { server in
            for form in forms {
                try await Dialed.echo(over: .tls("localhost", port: server.port, self.settings(form))) {
                    let found = try await server.nextClientCertificate()
                    #expect(found == shown, "\(form)")
                }
            }
        }
    }

    @Test func `a renewed certificate is shown at the next attempt`() async throws {
        let (path, id) = (self.certificates.path, UUID().uuidString)
        func put(_ name: String) throws {
            for ending in ["pem", "key"] {
                let bytes = try self.certificates.bytes("\(name).\(ending)")
                try Data(bytes).write(to: URL(fileURLWithPath: path("\(id).\(ending)")), options: .atomic)
            }
        }
        let settings = self.settings(.files(certificate: path("\(id).pem"), key: path("\(id).key")))
        try await TestServer.with(tls: try TestServer.tls(clientsMustShow: "ca")) { server in
            for name in ["client", "second", "client"] {
                try put(name)
                let current = try NIOSSLCertificate.fromPEMFile(path("\(name).pem")).first
                try await Dialed.echo(over: .tls("localhost", port: server.port, settings)) {
                    let found = try await server.nextClientCertificate()
                    #expect(found == current)
                }
            }
        }
    }

    @Test func `the password is asked for at each attempt, where one may block`() async throws {
        let path = self.certificates.path
        let asked = Mutex(0)
        let certificate = TLSSettings.ClientCertificate
            .files(certificate: path("client.pem"), key: path("client-encrypted.key"))
            .askingForPassword {
                #expect(MultiThreadedEventLoopGroup.currentEventLoop == nil)
                asked.withLock { $0 += 1 }
                return TestCertificates.password
            }
        try await TestServer.with(tls: try TestServer.tls(clientsMustShow: "ca")) { server in
            for _ in 0..<3 {
                try await Dialed.echo(over: .tls("localhost", port: server.port, self.settings(certificate)))
            }
        }
        #expect(asked.withLock { $0 } == 3)
    }

    @Test func `an error of whoever is asked for the password ends the attempt and is the cause`() async throws {
        struct NoKeychain: Error, CustomStringConvertible { let description = "sesame" }
        let files: [TLSSettings.ClientCertificate] = [
            .files(certificate: self.certificates.path("client.pem"), key: self.certificates.path("client.key")),
            .pkcs12(file: self.certificates.path("client.p12")),
        ]
        for file in files {
            let settings = self.settings(file.askingForPassword { throw NoKeychain() })
            let error = try #require(try await Dialed.failure(to: .tls("localhost", port: 1, settings)))
            #expect(error.code == .tlsConfiguration)
            #expect(error.stage == .preparing)
            #expect(error.cause is NoKeychain)
            #expect(!error.message.contains("sesame"))
        }
    }

    @Test(arguments: [false, true])
    func `a server that does not get the client certificate it wants ends the handshake of TLS 1.2`(
        showsAnother: Bool
    ) async throws {
        let configuration = try TestServer.tls(clientsMustShow: "stranger", maximumVersion: .tlsv12)
        try await TestServer.with(tls: configuration) { server in
            let (path, trusting) = (self.certificates.path, self.certificates.trusting)
            let another = self.settings(.files(certificate: path("client.pem"), key: path("client.key")))
            let endpoint = Endpoint.tls("localhost", port: server.port, showsAnother ? another : trusting)
            let error = try await Dialed.failureOfTLS(to: endpoint, at: server)
            #expect(error.code == .tlsHandshakeFailed)
            #expect(error.message.contains("client certificate"), "\(error)")
        }
    }

    @Test(arguments: [false, true])
    func `with TLS 1.3 the refused client certificate is told behind the handshake`(
        showsAnother: Bool
    ) async throws {
        try await TestServer.with(tls: try TestServer.tls(clientsMustShow: "stranger")) { server in
            let (path, trusting) = (self.certificates.path, self.certificates.trusting)
            let another = self.settings(.files(certificate: path("client.pem"), key: path("client.key")))
            let endpoint = Endpoint.tls("localhost", port: server.port, showsAnother ? another : trusting)
            let dialed = try await Dialed.connect(to: endpoint)
            let error = try #require(await dialed.end())
            let described = ChannelStages.describe(error, from: endpoint)
            #expect(described.code == .tlsHandshakeFailed)
            #expect(described.message.contains("client certificate"), "\(described)")
        }
    }
}
