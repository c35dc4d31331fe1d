// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import MQTTTransport
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct TLSSettingsTests {
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

    @Test(arguments: ["", ".", "a\u{0}b", "127.0.0.1\u{0}b", String(repeating: "a", count: 256)])
    func `a server name that is no host name is refused`(name: String) {
        #expect(self.failure(TLSSettings(serverName: name))?.code == .tlsConfiguration)
    }

    @Test(
        arguments: [
            ("client.p12", nil, "give its password"), ("client.p12", "wrong", "check its password"),
            ("client.p12", "zero\u{0}", "too long or holds a zero"),
            ("client.p12", String(repeating: "x", count: 2_000), "too long"),
            ("client.p12", "p\u{1F511}", "cannot be read"),
            ("certificates.p12", TestCertificates.password, "no private key"),
            ("key.p12", TestCertificates.password, "no certificate"),
            ("client.der", nil, "no PKCS#12 file"), ("client.pem", nil, "no PKCS#12 file"),
            ("empty.pem", nil, "no PKCS#12 file"), ("missing.p12", nil, "cannot be read"),
        ] as [(String, String?, String)]
    )
    func `a PKCS#12 file that cannot be used is named`(name: String, password: String?, why: String) throws {
        let path = self.certificates.path(name)
        let error = try #require(self.failure(TLSSettings(clientCertificate: .pkcs12(file: path, password: password))))
        #expect(error.code == .tlsConfiguration)
        #expect(error.message.contains(path))
        #expect(error.message.contains(why), "\(error)")
        #expect(!error.message.contains(password ?? "-----BEGIN"))
    }

    @Test(arguments: ["client.p12", "client-open.p12"])
    func `no damage of a PKCS#12 file traps`(name: String) throws {
        let password = name == "client.p12" ? TestCertificates.password : nil
        let whole = try self.certificates.bytes(name)
        func open(_ bytes: [UInt8]) -> TransportError? {
            self.failure(
                TLSSettings(clientCertificate: .pkcs12(bytes: bytes, password: password), verification: .insecureNone)
            )
        }
        #expect(open(whole) == nil)
        for count in stride(from: 0, to: whole.count, by: 7) {
            #expect(open(Array(whole.prefix(count)))?.code == .tlsConfiguration)
        }
        for index in whole.indices {
            var damaged = whole
            damaged[index] ^= UInt8.random(in: 1...255)
            if let error = open(damaged) { #expect(error.code == .tlsConfiguration) }
        }
        for bytes: [UInt8] in [
            Array(repeating: 0x30, count: 5_000), Array(repeating: [0x30, 0x80], count: 5_000).flatMap { $0 },
        ] {
            #expect(open(bytes)?.code == .tlsConfiguration)
        }
    }

    @Test func `a folder without a certificate, and one that is none, are refused`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("swift-mqtt-\(UUID().uuidString)")
            .path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(self.failure(TLSSettings(trust: .directory(folder)))?.message.contains("No such file") == true)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, why) in [("client.key", "no file with a certificate"), ("malformed.pem", "malformed.pem\" holds")] {
            try FileManager.default.copyItem(atPath: self.certificates.path(name), toPath: "\(folder)/\(name)")
            let error = self.failure(TLSSettings(trust: .directory(folder)))
            #expect(error?.code == .tlsConfiguration)
            #expect(error?.message.contains(folder) == true)
            #expect(error?.message.contains(why) == true, "\(String(describing: error))")
        }
        #expect(
            self.failure(TLSSettings(trust: .directory(self.certificates.path("ca.pem"))))?.code == .tlsConfiguration
        )
        #expect(self.failure(TLSSettings(trust: .file(folder)))?.code == .tlsConfiguration)
    }

    @Test func `DER text that cannot be used is refused`() throws {
        let good = try self.certificates.bytes("ca.der")
        for list in [[], [[]], [good, [0x30]], [Array(good.dropLast())], [Array("nothing".utf8)]] {
            #expect(self.failure(TLSSettings(trust: .der(list)))?.code == .tlsConfiguration)
        }
    }

    @Test func `versions that leave none are refused`() {
        let error = self.failure(TLSSettings(minimumVersion: .tls13, maximumVersion: .tls12))
        #expect(error?.code == .tlsConfiguration)
        #expect(error?.message.contains("the oldest is to be TLS 1.3, the newest TLS 1.2") == true)
    }

    @Test(arguments: [
        ("NOPE", "is not known; those that are: ECDHE-"), ("", "is not known"), ("!ALL", "is not known"),
        ("AES128-SHA:NOPE", "is not known"), ("TLS_AES_128_GCM_SHA256", "whose suites are fixed"),
    ])
    func `a cipher suite that cannot be chosen is refused`(name: String, why: String) {
        let error = self.failure(TLSSettings(cipherSuites: ["AES128-SHA", name]))
        #expect(error?.code == .tlsConfiguration)
        #expect(error?.message.contains(why) == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
        "ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA", "ECDHE-RSA-AES256-SHA",
        "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "AES256-SHA", "TLS_RSA_WITH_AES_128_CBC_SHA",
    ])
    func `each cipher suite that can be chosen is known underneath`(name: String) {
        // NIOSSL would trap.
        #expect(self.failure(TLSSettings(cipherSuites: [name])) == nil)
    }

    @Test func `each curve can be chosen`() {
        let all: [TLSSettings.Curve] = [.x25519MLKEM768, .x25519, .secp256r1, .secp384r1, .secp521r1]
        for curve in all { #expect(self.failure(TLSSettings(curves: [curve])) == nil) }
        #expect(self.failure(TLSSettings(curves: all)) == nil)
    }

    // MARK: - What makes it less safe

    @Test func `each loosening is named, and the defaults have none`() throws {
        #expect(TLSSettings().looseness.isEmpty)
        #expect(Endpoint.tls("h").warnings.isEmpty)
        #expect(Endpoint.tcp("h").warnings.isEmpty)
        #expect(TLSSettings(trust: .pem([]), minimumVersion: .tls13).looseness.isEmpty)
        let loose = [
            (TLSSettings(verification: .insecureNone), "not checked at all"),
            (TLSSettings(verification: .insecureWithoutHostName), "not checked for the host name"),
            (TLSSettings(verification: .replaced { _ in }), "the program's own"),
            (TLSSettings(minimumVersion: .tls11), "TLS 1.1 is allowed"),
            (TLSSettings().insecurelyLoggingKeys { _ in }, "keys of the connections are logged"),
            (TLSSettings().insecurelyLoggingKeys(toFile: "f"), "keys of the connections are logged"),
        ]
        for (settings, words) in loose {
            #expect(settings.looseness.count == 1)
            #expect(settings.looseness.first?.contains(words) == true)
            let warning = try #require(Endpoint.tls("h", settings).warnings.first)
            #expect(warning.hasPrefix("TLS to mqtts://h:8883: The ") || warning.hasPrefix("TLS to mqtts://h:8883: TLS"))
        }
        let both = TLSSettings(minimumVersion: .tls10, verification: .insecureNone).insecurelyLoggingKeys { _ in }
        #expect(both.looseness.count == 3)
        #expect(Endpoint.unix("/s", tls: both).warnings.count == 3)
        // That of the way to the proxy counts as well.
        var endpoint = Endpoint.tls("h", both)
        endpoint.proxy = .through(.http("p", tls: TLSSettings(verification: .insecureNone)))
        #expect(endpoint.warnings.count == 4)
        #expect(endpoint.warnings.last?.hasPrefix("TLS to the proxy https://p:8080: The ") == true)
    }

    @Test(arguments: [(TLSSettings.Version.tls12, "CLIENT_RANDOM "), (.tls13, "CLIENT_TRAFFIC_SECRET_0 ")])
    func `keys are logged when that is asked for`(version: TLSSettings.Version, label: String) async throws {
        let path = self.certificates.path("keys-\(UUID().uuidString)")
        let lines = Mutex<[String]>([])
        try await TestServer.with(tls: try TestServer.tls()) { server in
            var settings = self.certificates.trusting
            settings.maximumVersion = version
            let calling = settings.insecurelyLoggingKeys { line in lines.withLock { $0.append(line) } }
            try await Dialed.echo(over: .tls("localhost", port: server.port, calling))
            let filing = settings.insecurelyLoggingKeys(toFile: path)
            for _ in 0..<2 { try await Dialed.echo(over: .tls("localhost", port: server.port, filing)) }
        }
        let called = lines.withLock { $0 }
        #expect(called.count { $0.hasPrefix(label) } == 1)
        #expect(!called.contains { $0.contains("\n") })
        let file = try String(contentsOfFile: path, encoding: .utf8)
        #expect(file.split(separator: "\n").count == called.count * 2)
        #expect(file.split(separator: "\n").count { $0.hasPrefix(label) } == 2)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test func `a file that keys cannot be logged to is refused`() {
        let error = self.failure(TLSSettings().insecurelyLoggingKeys(toFile: "/no/such/folder/keys"))
        #expect(error?.code == .tlsConfiguration)
        #expect(error?.message.contains("/no/such/folder/keys") == true)
    }

    @Test func `keys and passwords do not appear in descriptions`() {
        let settings = TLSSettings(
            clientCertificate: .pem(certificate: [77, 77, 77], key: [88, 88, 88], password: "sesame")
        )
        let bundle = TLSSettings(clientCertificate: .pkcs12(bytes: [88, 88], password: "sesame"))
        for settings in [settings, bundle] {
            var dumped = ""
            dump(settings, to: &dumped)
            let endpoint = Endpoint.tls("h", port: 1, settings)
            for text in ["\(settings)", String(reflecting: settings), "\(endpoint)", dumped] {
                #expect(!text.contains("sesame"))
                #expect(!text.contains("88"))
            }
        }
    }
}
