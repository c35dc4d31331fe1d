// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension MosquittoServer {
    /// What a broker of the tests is to be like; by default open to everyone, without TLS, forgetting all when it stops.
    package struct Options: Sendable {
        /// Names and passwords of those who may connect; with any, nobody else may.
        package var users: [String: String] = [:]
        /// Adds a TLS listener.
        package var tls: TLS?
        /// Whether sessions, retained and queued messages outlive a restart.
        package var persistence: Bool
        /// Lines for mosquitto.conf, behind the fixture's own general ones and before the listeners.
        package var extraLines: [String] = []

        package init(
            tls: TLS? = nil,
            persistence: Bool = false,
            users: [String: String] = [:],
            extraLines: [String] = []
        ) {
            self.tls = tls
            self.persistence = persistence
            self.users = users
            self.extraLines = extraLines
        }
    }

    /// The TLS listener and its certificate.
    package struct TLS: Sendable {
        /// Whether a client has to show a certificate of the same authority.
        package var requireCertificate: Bool
        /// What the server's certificate is for, as OpenSSL writes it.
        package var serverNames: [String]
        /// Whether the server's certificate is over.
        package var expired: Bool

        package init(
            requireCertificate: Bool = false,
            serverNames: [String] = ["DNS:localhost", "IP:127.0.0.1"],
            expired: Bool = false
        ) {
            self.requireCertificate = requireCertificate
            self.serverNames = serverNames
            self.expired = expired
        }
    }

    /// The text of mosquitto.conf, whose lines know no variables: every path is written out.
    static func configuration(
        _ options: Options,
        port: Int,
        tlsPort: Int,
        files: TLSFiles?,
        isRoot: Bool,
        in folder: TemporaryFolder
    ) -> String {
        // Nothing is dropped for being too much: a test that floods is to lose nothing in the broker.
        var lines = ["set_tcp_nodelay true", "max_queued_messages 0", "max_inflight_messages 0"]
        // As root it would become the user mosquitto, who can read nothing of ours.
        if isRoot { lines.append("user root") }
        lines.append("allow_anonymous \(options.users.isEmpty)")
        if !options.users.isEmpty { lines.append("password_file \(folder.file("passwords"))") }
        lines.append("persistence \(options.persistence)")
        if options.persistence { lines.append("persistence_location \(folder.path)/") }
        lines += options.extraLines
        lines.append("listener \(port) 127.0.0.1")
        if let tls = options.tls, let files {
            lines.append("listener \(tlsPort) 127.0.0.1")
            lines.append("cafile \(files.authority.certificateFile)")
            lines.append("certfile \(files.server.certificateFile)")
            lines.append("keyfile \(files.server.keyFile)")
            lines.append("require_certificate \(tls.requireCertificate)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    struct TLSFiles: Sendable {
        let authority: CertificateAuthority
        let server: CertificateAuthority.Identity
        let client: CertificateAuthority.Identity

        init(_ tls: TLS, in folder: TemporaryFolder) async throws {
            self.authority = try await CertificateAuthority(in: folder)
            self.server = try await self.authority.issue(
                "server",
                for: .server(names: tls.serverNames),
                expired: tls.expired
            )
            self.client = try await self.authority.issue("client", for: .client)
        }
    }
}
