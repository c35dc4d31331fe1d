// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import Foundation
import NIOCore
import NIOSSL
import Synchronization
import Testing

@testable import MQTTTransport

/// Which certificates of a server are accepted.
@Suite(.timeLimit(.minutes(10))) struct TLSVerificationTests {
    private let certificates: TestCertificates

    init() throws { self.certificates = try TestCertificates.shared.get() }

    private var trusting: TLSSettings { self.certificates.trusting }

    @Test(
        .receives("U5-5.4.7-1"),
        arguments: [
            ("server", "stranger", "not issued by a trusted authority"),
            ("self-signed", "ca", "self-signed"),
            ("expired", "ca", "expired"),
            ("future", "ca", "not valid yet"),
            ("other", "ca", "another host"),
        ],
        ["localhost", "127.0.0.1"]
    )
    func `fault 31: a certificate that is not right is rejected and the error says why`(
        certificate: (name: String, ca: String, why: String),
        host: String
    ) async throws {
        try await TestServer.with(tls: try TestServer.tls(certificate.name)) { server in
            let settings = TLSSettings(trust: .file(self.certificates.path("\(certificate.ca).pem")))
            let endpoint = Endpoint.tls(host, port: server.port, settings)
            let error = try await Dialed.failureOfTLS(to: endpoint, at: server)
            #expect(error.code == .certificateRejected)
            #expect(error.message.contains(certificate.why), "\(error)")
            #expect(error.cause != nil)
        }
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func `fault 31: a revoked certificate is refused by a check of the program's own only`(
        host: String
    ) async throws {
        struct Revoked: Error {}
        let revoked = try NIOSSLCertificate.fromPEMFile(self.certificates.path("revoked.pem")).map(\.serialNumber)
        let settings = TLSSettings(
            verification: .replaced { chain in
                let serial = try chain.first.map { try NIOSSLCertificate(bytes: $0, format: .der).serialNumber }
                if let serial, revoked.contains(serial) { throw Revoked() }
            }
        )
        try await TestServer.with(tls: try TestServer.tls("revoked")) { server in
            try await Dialed.echo(over: .tls(host, port: server.port, self.trusting))
            try await server.waitForTheEndOfAConnection()
            let error = try await Dialed.failureOfTLS(to: .tls(host, port: server.port, settings), at: server)
            #expect(error.code == .certificateRejected)
            #expect(error.cause is Revoked)
        }
        try await TestServer.with(tls: try TestServer.tls("server")) { server in
            try await Dialed.echo(over: .tls(host, port: server.port, settings))
        }
    }

    @Test(
        .receives("U5-5.4.7-1"),
        arguments: [
            "localhost", "127.0.0.1", "::1", "other.example.", "OTHER.example", "192.0.2.1", "[::1]", "127.0.0.2",
        ]
    )
    func `attack host name: the certificate has to be for the server's name, be it a name or an address`(
        name: String
    ) async throws {
        let local = ["localhost", "127.0.0.1", "::1", "[::1]"]
        for certificate in ["server", "other"] {
            try await TestServer.with(tls: try TestServer.tls(certificate)) { server in
                var settings = self.trusting
                settings.serverName = name
                let endpoint = Endpoint.tls("127.0.0.1", port: server.port, settings)
                let isFor = local.contains(name) ? "server" : name == "127.0.0.2" ? "" : "other"
                guard certificate != isFor else {
                    try await Dialed.echo(over: endpoint)
                    return
                }
                let error = try await Dialed.failureOfTLS(to: endpoint, at: server)
                #expect(error.code == .certificateRejected)
                let bare = name.trimmingCharacters(in: CharacterSet(charactersIn: "[]."))
                #expect(error.message.contains("does not name \"\(bare)\""), "\(error)")
                let names = certificate == "server" ? "\"localhost\", 127.0.0.1, ::1" : "\"other.example\", 192.0.2.1"
                #expect(error.message.contains("but \(names)."), "\(error)")
            }
        }
    }

    @Test(arguments: [
        ("a.example.com", true), ("A.EXAMPLE.com", true), ("example.com", false), ("a.b.example.com", false),
        ("localhost", false), (".example.com", false), ("*.example.com", false),
    ])
    func `an asterisk in a certificate stands for one label of a name`(name: String, isFor: Bool) async throws {
        try await TestServer.with(tls: try TestServer.tls("wildcard")) { server in
            var settings = self.trusting
            settings.serverName = name
            let endpoint = Endpoint.tls("127.0.0.1", port: server.port, settings)
            if isFor {
                try await Dialed.echo(over: endpoint)
            } else {
                #expect(try await Dialed.failureOfTLS(to: endpoint, at: server).code == .certificateRejected)
            }
        }
    }

    @Test(arguments: [
        ("a.example.com", true), ("A.EXAMPLE.com.", true), ("example.com", false), ("a.b.example.com", false),
        ("a.example.com.evil", false), ("localhost", false), (".example.com", false),
    ])
    func `the check of our own knows an asterisk as the one below it does`(name: String, isFor: Bool) throws {
        let file = try NIOSSLCertificate.fromPEMFile(self.certificates.path("wildcard.pem"))
        let certificate = try #require(file.first).toDERBytes()
        let identity = try ServerIdentity(TLSSettings(serverName: name), .tls("127.0.0.1"))
        #expect(identity.isNamed(by: certificate) == isFor)
    }

    @Test func `a common name is none beside a name of another kind`() throws {
        let file = try NIOSSLCertificate.fromPEMFile(self.certificates.path("common.example.pem"))
        let certificate = try #require(file.first).toDERBytes()
        for (name, isFor) in [("common.example", false), ("192.0.2.1", true)] {
            #expect(try ServerIdentity(TLSSettings(serverName: name), .tls("h")).isNamed(by: certificate) == isFor)
        }
    }

    @Test func `attack authority: authorities that are given replace the system's or come beside them`() async throws {
        let path = self.certificates.path
        try await TestServer.with(tls: try TestServer.tls()) { server in
            let refused: [TLSSettings.Trust] = [
                .system, .systemAnd(), .systemAnd(.file(path("stranger.pem"))), .file(path("stranger.pem")),
            ]
            for trust in refused {
                let endpoint = Endpoint.tls("localhost", port: server.port, TLSSettings(trust: trust))
                #expect(try await Dialed.failureOfTLS(to: endpoint, at: server).code == .certificateRejected)
            }
            let accepted: [TLSSettings.Trust] = [
                .systemAnd(.file(path("ca.pem"))), .systemAnd(.file(path("stranger.pem")), .file(path("ca.pem"))),
                .file(path("ca.der")), .der([try self.certificates.bytes("ca.der")]),
                .pem(try self.certificates.bytes("ca.pem")),
            ]
            for trust in accepted {
                try await Dialed.echo(over: .tls("localhost", port: server.port, TLSSettings(trust: trust)))
            }
        }
    }

    @Test(arguments: ["ca.pem", "ca.der"])
    func `a folder of authorities is read whole, and anew for each attempt`(name: String) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("swift-mqtt-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FileManager.default.createDirectory(atPath: "\(folder)/inner", withIntermediateDirectories: true)
        let path = self.certificates.path
        try FileManager.default.copyItem(atPath: path("stranger.pem"), toPath: "\(folder)/any name")
        try FileManager.default.copyItem(atPath: path("client.key"), toPath: "\(folder)/client.key")
        try FileManager.default.copyItem(atPath: path("ca.pem"), toPath: "\(folder)/inner/ca.pem")
        try FileManager.default.createSymbolicLink(atPath: "\(folder)/dangling", withDestinationPath: "nowhere")
        try await TestServer.with(tls: try TestServer.tls()) { server in
            let endpoint = Endpoint.tls("localhost", port: server.port, TLSSettings(trust: .directory(folder)))
            #expect(try await Dialed.failureOfTLS(to: endpoint, at: server).code == .certificateRejected)
            try FileManager.default.createSymbolicLink(atPath: "\(folder)/link", withDestinationPath: path(name))
            try await Dialed.echo(over: endpoint)
            try FileManager.default.copyItem(atPath: path(name), toPath: "\(folder)/the same again")
            try await Dialed.echo(over: endpoint)
        }
    }

    @Test func `TLS over a Unix socket is for localhost, or for the name that is given`() async throws {
        let path = "\(self.certificates.directory)/tls.sock"
        try await TestServer.with(tls: try TestServer.tls(), unixSocket: path) { server in
            try await Dialed.echo(over: .unix(path, tls: self.trusting))
            try await server.waitForTheEndOfAConnection()
            var settings = self.trusting
            settings.serverName = "127.0.0.1"
            try await Dialed.echo(over: .unix(path, tls: settings))
            try await server.waitForTheEndOfAConnection()
            settings.serverName = "other.example"
            let error = try await Dialed.failureOfTLS(to: .unix(path, tls: settings), at: server)
            #expect(error.code == .certificateRejected)
        }
    }

    // MARK: - A check of the program's own

    @Test(arguments: [TLSVersion.tlsv12, .tlsv13], ["expired", "other", "self-signed"])
    func `a check of the program's own replaces the other, and sees the chain from the leaf`(
        version: TLSVersion,
        certificate: String
    ) async throws {
        var configuration = try TestServer.tls(certificate, maximumVersion: version)
        let files = certificate == "self-signed" ? ["self-signed"] : [certificate, "ca"]
        let chain = try files.flatMap { try NIOSSLCertificate.fromPEMFile(self.certificates.path("\($0).pem")) }
        configuration.certificateChain = chain.map { .certificate($0) }
        try await TestServer.with(tls: configuration) { server in
            let seen = Mutex<[[[UInt8]]]>([])
            let settings = TLSSettings(
                trust: .file("/no/such/file"),
                verification: .replaced { chain in
                    await Task.yield()
                    seen.withLock { $0.append(chain) }
                }
            )
            try await Dialed.echo(over: .tls("localhost", port: server.port, settings))
            try await Dialed.echo(over: .tls("127.0.0.1", port: server.port, settings))
            let sent = try chain.map { try $0.toDERBytes() }
            #expect(seen.withLock { $0 } == [sent, sent])
        }
    }

    @Test(arguments: [TLSVersion.tlsv12, .tlsv13])
    func `the error of a check of the program's own is the cause`(version: TLSVersion) async throws {
        struct NotOurs: Error {}
        try await TestServer.with(tls: try TestServer.tls(maximumVersion: version)) { server in
            let settings = TLSSettings(verification: .replaced { _ in throw NotOurs() })
            let error = try await Dialed.failureOfTLS(to: .tls("localhost", port: server.port, settings), at: server)
            #expect(error.code == .certificateRejected)
            #expect(error.cause is NotOurs)
            #expect(error.message.contains("own check"))
        }
    }

    @Test func `a check that does not end is cancelled at the timeout`() async throws {
        try await TestServer.with(tls: try TestServer.tls()) { server in
            let (cancellations, continuation) = AsyncStream<Void>.makeStream()
            let (never, held) = AsyncStream<Void>.makeStream()
            defer { held.finish() }
            let settings = TLSSettings(
                verification: .replaced { _ in
                    // Ends when the task is cancelled.
                    for await _ in never {}
                    continuation.yield()
                    try Task.checkCancellation()
                }
            )
            let endpoint = Endpoint.tls("127.0.0.1", port: server.port, settings)
            let error = try #require(try await Dialed.failure(to: endpoint, timeout: .seconds(6)))
            #expect(error.code == .tlsTimedOut)
            for await _ in cancellations { break }
            try await server.waitForTheEndOfAConnection()
        }
    }

    @Test func `checks of the program's own equal only themselves`() {
        let one = TLSSettings.Verification.replaced { _ in }
        #expect(one == one)
        #expect(one != .replaced { _ in })
    }
}
