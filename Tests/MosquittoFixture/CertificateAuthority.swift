// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A certificate authority made for one test, and the certificates it issues.
package struct CertificateAuthority: Sendable {
    /// A certificate and its key, as files in PEM form.
    package struct Identity: Sendable {
        package let certificateFile: String
        package let keyFile: String
    }

    package enum Usage: Sendable {
        /// Names as OpenSSL writes them: `DNS:localhost`, `IP:127.0.0.1`.
        case server(names: [String])
        case client
    }

    /// The certificate that a client has to trust, in PEM form.
    package var certificateFile: String { self.folder.file("\(self.name).crt") }

    private let folder: TemporaryFolder
    private let name: String

    /// Makes the authority; its files live in `folder` and go with it.
    package init(named name: String = "ca", in folder: TemporaryFolder) async throws {
        self.folder = folder
        self.name = name
        try folder.write(
            """
            [req]
            distinguished_name = subject
            [subject]
            [authority]
            basicConstraints = critical,CA:TRUE
            keyUsage = critical,keyCertSign,cRLSign
            subjectKeyIdentifier = hash

            """,
            to: "\(name).cnf"
        )
        try await self.openssl(
            ["req", "-x509", "-days", "2", "-extensions", "authority", "-out", self.certificateFile]
                + self.newKey(name, subject: "swift-mqtt tests \(name)")
        )
    }

    /// Issues a certificate that is valid for two days, or has been over for a day.
    package func issue(_ file: String, for usage: Usage, expired: Bool = false) async throws -> Identity {
        let extensions =
            switch usage {
            case .server(let names): "extendedKeyUsage = serverAuth\nsubjectAltName = \(names.joined(separator: ","))\n"
            case .client: "extendedKeyUsage = clientAuth\n"
            }
        try self.folder.write("basicConstraints = CA:FALSE\n" + extensions, to: "\(file).ext")
        let request = self.folder.file("\(file).csr")
        let issued = Identity(
            certificateFile: self.folder.file("\(file).crt"),
            keyFile: self.folder.file("\(file).key")
        )
        try await self.openssl(["req", "-new", "-out", request] + self.newKey(file, subject: "swift-mqtt \(file)"))
        try await self.openssl([
            "x509", "-req", "-in", request, "-out", issued.certificateFile,
            "-CA", self.certificateFile, "-CAkey", self.folder.file("\(self.name).key"),
            "-set_serial", "\(UInt32.random(in: 1 ... .max))",
            "-days", expired ? "-1" : "2", "-extfile", self.folder.file("\(file).ext"),
        ])
        return issued
    }

    /// An elliptic key, since making one takes no time.
    private func newKey(_ file: String, subject: String) -> [String] {
        [
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-sha256",
            "-keyout", self.folder.file("\(file).key"), "-subj", "/CN=\(subject)",
            "-config", self.folder.file("\(self.name).cnf"),
        ]
    }

    private func openssl(_ arguments: [String]) async throws {
        try await ChildProcess.run("openssl", arguments, in: self.folder)
    }
}
