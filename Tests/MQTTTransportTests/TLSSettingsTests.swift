// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import MQTTTransport
import Testing

@Suite struct TLSSettingsTests {
    private let certificates: TestCertificates

    init() throws { self.certificates = try TestCertificates.shared.get() }

    private func failure(_ settings: TLSSettings) -> TransportError? {
        do throws(TransportError) {
            _ = try ChannelStages(for: .tls("localhost", settings))
            return nil
        } catch {
            return error
        }
    }

    private func client(_ certificate: String, _ key: String, password: String? = nil) -> TLSSettings {
        TLSSettings(
            clientCertificate: .files(
                certificate: self.certificates.path(certificate),
                key: self.certificates.path(key),
                password: password
            )
        )
    }

    @Test(arguments: [
        ("missing.pem", "No such file"), ("malformed.pem", "malformed"), ("empty.pem", "no certificate"),
        ("", "cannot be read"),
    ])
    func `a CA file that cannot be used is named`(name: String, why: String) throws {
        let error = try #require(self.failure(TLSSettings(trust: .file(self.certificates.path(name)))))
        #expect(error.code == .tlsConfiguration)
        #expect(error.message.contains(self.certificates.path(name)))
        #expect(error.message.contains(why), "\(error)")
    }

    @Test func `CA text that cannot be used is refused`() throws {
        for bytes in [[], Array("nothing".utf8), try self.certificates.bytes("malformed.pem")] {
            #expect(self.failure(TLSSettings(trust: .pem(bytes)))?.code == .tlsConfiguration)
        }
    }

    @Test(
        arguments: [
            ("missing.pem", "client.key", nil, "missing.pem"),
            ("client.pem", "missing.key", nil, "missing.key"),
            ("empty.pem", "client.key", nil, "empty.pem"),
            ("client.pem", "empty.pem", nil, "no private key"),
            ("client.pem", "server.key", nil, "cannot be used together"),
            ("client.pem", "client-encrypted.key", nil, "give its password"),
            ("client.pem", "client-encrypted.key", "wrong", "check its password"),
            ("client.pem", "client-encrypted.key", "pässword", "not ASCII"),
            ("client.pem", "client-encrypted.key", String(repeating: "x", count: 2_000), "too long"),
        ] as [(String, String, String?, String)]
    )
    func `a client certificate or key that cannot be used is named`(
        certificate: String,
        key: String,
        password: String?,
        why: String
    ) throws {
        let error = try #require(self.failure(self.client(certificate, key, password: password)))
        #expect(error.code == .tlsConfiguration)
        #expect(error.message.contains(why), "\(error)")
        #expect(!error.message.contains(password ?? "-----BEGIN"))
    }

    @Test func `a certificate is read anew at each attempt`() throws {
        let path = self.certificates.path("renewed.pem")
        let settings = TLSSettings(trust: .file(path))
        #expect(self.failure(settings)?.code == .tlsConfiguration)
        try FileManager.default.copyItem(atPath: self.certificates.path("ca.pem"), toPath: path)
        #expect(self.failure(settings) == nil)
    }

    @Test(arguments: ["", "é", String(repeating: "a", count: 256)])
    func `an ALPN protocol that cannot be sent is refused`(identifier: String) {
        #expect(self.failure(TLSSettings(applicationProtocols: [identifier]))?.code == .tlsConfiguration)
    }

    @Test(arguments: ["", ".", "127.0.0.1", "::1", "a\u{0}b", String(repeating: "a", count: 256)])
    func `a server name that is no host name is refused`(name: String) {
        #expect(self.failure(TLSSettings(serverName: name))?.code == .tlsConfiguration)
    }

    @Test func `keys and passwords do not appear in descriptions`() {
        let settings = TLSSettings(
            clientCertificate: .pem(certificate: [77, 77, 77], key: [88, 88, 88], password: "sesame")
        )
        var dumped = ""
        dump(settings, to: &dumped)
        for text in ["\(settings)", String(reflecting: settings), "\(Endpoint.tls("h", port: 1, settings))", dumped] {
            #expect(!text.contains("sesame"))
            #expect(!text.contains("88"))
        }
    }
}
