// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension MosquittoServer {
    /// What a broker of the tests is to be like; by default open to everyone, without TLS, forgetting all when it stops.
    package struct Options: Sendable {
        /// Names and passwords of those who may connect; with any, nobody else may.
        package var users: [String: String] = [:]
        /// Adds a TLS listener.
        package var tls: TLS?
        /// Adds a listener for WebSocket, and one for WebSocket over TLS when there is ``tls``.
        package var webSocket: Bool
        /// Adds a listener on a Unix socket.
        package var unixSocket: Bool
        /// Whether sessions, retained and queued messages outlive a restart.
        package var persistence: Bool
        /// Lines for mosquitto.conf, behind the fixture's own general ones and before the listeners.
        package var extraLines: [String] = []

        package init(
            tls: TLS? = nil,
            webSocket: Bool = false,
            unixSocket: Bool = false,
            persistence: Bool = false,
            users: [String: String] = [:],
            extraLines: [String] = []
        ) {
            self.tls = tls
            self.webSocket = webSocket
            self.unixSocket = unixSocket
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

    /// Where the broker listens, for as long as the fixture lives; nil is a listener that was not asked for.
    struct Listeners: Sendable {
        let port: Int
        let tlsPort: Int?
        let webSocketPort: Int?
        let secureWebSocketPort: Int?
        let unixSocketPath: String?

        var ports: [Int] {
            [self.port] + [self.tlsPort, self.webSocketPort, self.secureWebSocketPort].compactMap { $0 }
        }

        init(_ options: Options, in folder: TemporaryFolder) async throws {
            let isSecured = options.tls != nil
            self.port = try await FreePort.find()
            self.tlsPort = isSecured ? try await FreePort.find() : nil
            self.webSocketPort = options.webSocket ? try await FreePort.find() : nil
            self.secureWebSocketPort = isSecured && options.webSocket ? try await FreePort.find() : nil
            self.unixSocketPath = options.unixSocket ? folder.file("s") : nil
            guard self.unixSocketPath?.utf8.count ?? 0 < 104 else {
                throw FixtureError("\(folder.path) is too long for a Unix socket; set TMPDIR to a shorter path")
            }
        }
    }

    /// The text of mosquitto.conf, whose lines know no variables: every path is written out.
    static func configuration(
        _ options: Options,
        _ listeners: Listeners,
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
        lines.append("listener \(listeners.port) 127.0.0.1")
        if let path = listeners.unixSocketPath { lines.append("listener 0 \(path)") }
        if let port = listeners.webSocketPort { lines += ["listener \(port) 127.0.0.1", "protocol websockets"] }
        guard let tls = options.tls, let files else { return lines.joined(separator: "\n") + "\n" }
        let secured = [
            "cafile \(files.authority.certificateFile)",
            "certfile \(files.server.certificateFile)",
            "keyfile \(files.server.keyFile)",
            "require_certificate \(tls.requireCertificate)",
        ]
        if let port = listeners.tlsPort { lines += ["listener \(port) 127.0.0.1"] + secured }
        if let port = listeners.secureWebSocketPort {
            lines += ["listener \(port) 127.0.0.1", "protocol websockets"] + secured
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
