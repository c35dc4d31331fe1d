// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import MQTT
import MosquittoFixture
import Synchronization
import Testing

/// TLS with a real broker that wants to know who the client is.
@Suite(.timeLimit(.minutes(10))) struct TLSRoadTests {
    private static let versions: [TestedVersion] = [.v311, .v5]

    /// A folder of a test with a client's files, which can be changed without the broker's.
    private struct ClientFiles: ~Copyable {
        let folder: TemporaryFolder
        static let password = "open sesame"

        init() throws { self.folder = try TemporaryFolder() }

        deinit { self.folder.remove() }

        func file(_ name: String) -> String { self.folder.file(name) }

        /// Takes the authority, the certificate and the key of the broker's fixture.
        func take(from server: MosquittoServer) throws {
            let files = [
                ("ca.pem", server.caFile), ("client.pem", server.clientCertificateFile),
                ("client.key", server.clientKeyFile),
            ]
            for (name, path) in files {
                let data = try Data(contentsOf: URL(fileURLWithPath: path))
                try data.write(to: URL(fileURLWithPath: self.file(name)), options: .atomic)
            }
        }

        /// Encrypts the key, alone and in a PKCS#12 file.
        func encrypt() async throws {
            let password = "pass:\(Self.password)"
            let (key, certificate) = (self.file("client.key"), self.file("client.pem"))
            try await self.openssl([
                "ec", "-in", key, "-aes256", "-passout", password, "-out", self.file("encrypted.key"),
            ])
            try await self.openssl([
                "pkcs12", "-export", "-in", certificate, "-inkey", key, "-passout", password,
                "-out", self.file("client.p12"),
            ])
        }

        private func openssl(_ arguments: [String]) async throws {
            let log = self.file("openssl.log")
            let process = try ChildProcess("/usr/bin/env", ["openssl"] + arguments, output: log)
            let status = try await process.end(within: .seconds(60))
            guard status == 0 else { throw FixtureError("openssl failed: \(self.folder.read("openssl.log"))") }
        }
    }

    private static func roundTrip<V: TestVersion>(_: V.Type, to endpoint: Endpoint) async throws {
        let topic = unique("tls")
        try await MQTTClient<V>.withClient(to: endpoint, clientID: unique("c")) { client in
            let subscription = try await client.subscribe(to: topic, qos: .atLeastOnce)
            try await client.publish("over TLS", to: topic, qos: .atLeastOnce)
            #expect(try await subscription.take(1).map(\.text) == ["over TLS"])
        }
    }

    @Test(arguments: Self.versions)
    func `a broker that wants a certificate gets it from files, from an encrypted key and from PKCS#12`(
        version: TestedVersion
    ) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                try await MosquittoServer.withServer(.init(tls: .init(requireCertificate: true))) { server in
                    let files = try ClientFiles()
                    try files.take(from: server)
                    try await files.encrypt()
                    let (certificate, password) = (files.file("client.pem"), ClientFiles.password)
                    let asked = Mutex(0)
                    let ask: @Sendable () throws -> String = {
                        asked.withLock { $0 += 1 }
                        return ClientFiles.password
                    }
                    let forms: [TLSSettings.ClientCertificate] = [
                        .files(certificate: certificate, key: files.file("client.key")),
                        .files(certificate: certificate, key: files.file("encrypted.key"), password: password),
                        .files(certificate: certificate, key: files.file("encrypted.key")).askingForPassword(ask),
                        .pkcs12(file: files.file("client.p12"), password: password),
                        .pkcs12(file: files.file("client.p12")).askingForPassword(ask),
                    ]
                    for form in forms {
                        for newest in [TLSSettings.Version.tls12, .tls13] {
                            let tls = TLSSettings(
                                trust: .file(files.file("ca.pem")),
                                clientCertificate: form,
                                maximumVersion: newest
                            )
                            try await Self.roundTrip(V.self, to: .tls("localhost", port: server.tlsPort, tls))
                        }
                    }
                    #expect(asked.withLock { $0 } == 4)
                }
            }
        }
        try await run(version.type)
    }

    @Test(arguments: Self.versions, [TLSSettings.Version.tls12, .tls13])
    func `a broker that does not get the certificate it wants says so, or closes`(
        version: TestedVersion,
        newest: TLSSettings.Version
    ) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                try await MosquittoServer.withServer(.init(tls: .init(requireCertificate: true))) { server in
                    let tls = TLSSettings(trust: .file(server.caFile), maximumVersion: newest)
                    let client = MQTTClient<V>(to: .tls("localhost", port: server.tlsPort, tls))
                    let error = try #require(await #expect(throws: MQTTError.self) { try await client.connect() })
                    let cause = try #require(error.cause as? TransportError)
                    // With TLS 1.3 the refusal comes behind the handshake, and the broker's reset may overtake it.
                    guard cause.code != .closed || newest == .tls12 else { return }
                    #expect(cause.code == .tlsHandshakeFailed, "\(cause)")
                    #expect(cause.message.contains("client certificate"), "\(cause)")
                }
            }
        }
        try await run(version.type)
    }

    @Test(arguments: Self.versions)
    func `renewed files are used when the connection is made anew`(version: TestedVersion) async throws {
        func run<V: TestVersion>(_: V.Type) async throws {
            try await withDeadline {
                let options = MosquittoServer.Options(tls: .init(requireCertificate: true), persistence: true)
                try await MosquittoServer.withServer(options) { server in
                    try await MosquittoServer.withServer(options) { other in
                        try await Self.renew(V.self, server, with: other)
                    }
                }
            }
        }
        try await run(version.type)
    }

    /// Everything of the broker and of the client becomes that of another authority, so that nothing old is accepted.
    private static func renew<V: TestVersion>(
        _: V.Type,
        _ server: MosquittoServer,
        with other: MosquittoServer
    ) async throws {
        let files = try ClientFiles()
        try files.take(from: server)
        let tls = TLSSettings(
            trust: .file(files.file("ca.pem")),
            clientCertificate: .files(certificate: files.file("client.pem"), key: files.file("client.key"))
        )
        let client = MQTTClient<V>.local(server.tlsPort, tls: tls, keepsSession: true)
        try await client.connect()
        let topic = unique("renewed")
        let subscription = try await client.subscribe(to: topic, qos: .atLeastOnce)
        try files.take(from: other)
        let from = URL(fileURLWithPath: other.caFile).deletingLastPathComponent()
        let to = URL(fileURLWithPath: server.caFile).deletingLastPathComponent()
        for name in ["ca.crt", "server.crt", "server.key"] {
            try Data(contentsOf: from.appendingPathComponent(name)).write(to: to.appendingPathComponent(name))
        }
        try await server.restart()
        try await client.publish("over the renewed", to: topic, qos: .atLeastOnce)
        #expect(try await subscription.take(1).map(\.text) == ["over the renewed"])
        await client.disconnect()
    }
}
