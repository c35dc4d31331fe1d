// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Certificates for tests, made on the spot with the `openssl` command in a directory of their own.
///
/// All keys are EC keys. `server` is for localhost, 127.0.0.1 and ::1; `other` for other.example; `expired` was for
/// localhost in 2020; `future` will be from 2090; `self-signed` and `revoked` are for localhost; `wildcard` is
/// for the hosts of example.com; `common.example` is for 192.0.2.1 alone; `client` and `second` are
/// for clients, and the key of `client` is there in clear and encrypted with ``password``. `stranger` is a CA that signed
/// nothing.
///
/// In DER form: `ca.der`, `client.der`, `client-key.der`. PKCS#12: `client.p12` and `client-old.p12` with ``password``, the
/// second with the algorithms of former times; `client-open.p12` without one; `certificates.p12` without a key, `key.p12`
/// without a certificate.
struct TestCertificates: Sendable {
    static let password = "open sesame"

    let directory: String

    /// Made once for the whole run and removed at the end of the process.
    static let shared = Result { try TestCertificates() }

    func path(_ name: String) -> String { "\(self.directory)/\(name)" }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: self.path(name))))
    }

    private init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("swift-mqtt-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        self.directory = url.path
        Self.removeAtExit(self.directory)
        for ca in ["ca", "stranger"] {
            try self.openSSL(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=\(ca) "
                    + "-keyout \(ca).key -out \(ca).pem"
            )
        }
        let local = "DNS:localhost,IP:127.0.0.1,IP:::1"
        try self.issue("server", names: local, days: "-days 2")
        try self.issue("other", names: "DNS:other.example,IP:192.0.2.1", days: "-days 2")
        try self.issue("expired", names: local, days: "-not_before 20200101000000Z -not_after 20200102000000Z")
        try self.issue("future", names: local, days: "-not_before 20900101000000Z -not_after 20900102000000Z")
        try self.issue("wildcard", names: "DNS:*.example.com,DNS:*", days: "-days 2")
        try self.issue("common.example", names: "IP:192.0.2.1", days: "-days 2")
        try self.issue("revoked", names: local, days: "-days 2")
        try self.openSSL(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost "
                + "-addext subjectAltName=\(local) -keyout self-signed.key -out self-signed.pem"
        )
        try self.issue("client", names: "DNS:client", days: "-days 2")
        try self.issue("second", names: "DNS:client", days: "-days 2")
        try self.convertClient()
        try self.openSSL("ec -in client.key -aes128 -passout", "pass:\(Self.password)", "-out client-encrypted.key")
        try Data("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8)
            .write(to: URL(fileURLWithPath: self.path("malformed.pem")))
        try Data("no certificate".utf8).write(to: URL(fileURLWithPath: self.path("empty.pem")))
    }

    private func convertClient() throws {
        try self.openSSL("x509 -in ca.pem -outform DER -out ca.der")
        try self.openSSL("x509 -in client.pem -outform DER -out client.der")
        try self.openSSL("pkcs8 -topk8 -nocrypt -in client.key -outform DER -out client-key.der")
        let password = "pass:\(Self.password)"
        let export = "pkcs12 -export -in client.pem"
        let old = "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1"
        try self.openSSL("\(export) -inkey client.key -certfile ca.pem -out client.p12 -passout", password)
        try self.openSSL("\(export) -inkey client.key \(old) -out client-old.p12 -passout", password)
        try self.openSSL(
            "\(export) -inkey client.key -keypbe NONE -certpbe NONE -out client-open.p12 -passout",
            "pass:"
        )
        try self.openSSL("\(export) -nokeys -out certificates.p12 -passout", password)
        try self.openSSL("\(export) -inkey client.key -nocerts -out key.p12 -passout", password)
    }

    private func issue(_ name: String, names: String, days: String) throws {
        try Data("subjectAltName=\(names)\n".utf8).write(to: URL(fileURLWithPath: self.path("\(name).ext")))
        try self.openSSL(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=\(name) "
                + "-keyout \(name).key -out \(name).csr"
        )
        guard days.hasPrefix("-days") else {
            try self.issueInThePast(name, days)
            return
        }
        try self.openSSL(
            "x509 -req -in \(name).csr -CA ca.pem -CAkey ca.key -CAcreateserial \(days) -extfile \(name).ext "
                + "-out \(name).pem"
        )
    }

    /// `openssl x509` learned dates only in version 3.4; `openssl ca` always knew them but wants a small database.
    private func issueInThePast(_ name: String, _ days: String) throws {
        let configuration = """
            [ca]
            default_ca = here
            [here]
            database = index.txt
            new_certs_dir = .
            serial = serial.txt
            policy = any
            default_md = sha256
            [any]
            commonName = supplied
            """
        try Data(configuration.utf8).write(to: URL(fileURLWithPath: self.path("ca.conf")))
        try Data().write(to: URL(fileURLWithPath: self.path("index.txt")))
        try Data("1000\n".utf8).write(to: URL(fileURLWithPath: self.path("serial.txt")))
        let dates = days.replacingOccurrences(of: "-not_before", with: "-startdate")
            .replacingOccurrences(of: "-not_after", with: "-enddate")
        try self.openSSL(
            "ca -batch -config ca.conf -in \(name).csr -cert ca.pem -keyfile ca.key \(dates) -extfile \(name).ext "
                + "-out \(name).pem -notext"
        )
    }

    private struct Failed: Error { let arguments: [String], output: String }

    private func openSSL(_ arguments: String...) throws {
        // Arguments with a space of their own come alone.
        let arguments = arguments.flatMap { $0.hasPrefix("pass:") ? [$0] : $0.split(separator: " ").map(String.init) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: self.directory)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failed(arguments: arguments, output: String(decoding: text, as: UTF8.self))
        }
    }

    private static func removeAtExit(_ directory: String) {
        self.directories.withLock { $0.append(directory) }
        atexit {
            TestCertificates.directories.withLock { directories in
                for directory in directories { try? FileManager.default.removeItem(atPath: directory) }
            }
        }
    }

    private static let directories = Mutex<[String]>([])
}
