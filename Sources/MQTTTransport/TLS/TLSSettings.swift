// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Whom to trust and who we are, for connections with TLS.
///
/// Files are read anew at each attempt to connect, so that renewed certificates are used after the next reconnect.
public struct TLSSettings: Hashable, Sendable {
    /// Whose certificates are accepted.
    public struct Trust: Hashable, Sendable {
        enum Source: Hashable {
            case system
            case file(String)
            case pem([UInt8])
        }

        let source: Source

        /// The authorities the operating system trusts.
        public static let system = Self(source: .system)

        /// The authorities in a PEM file, instead of the system's.
        public static func file(_ path: String) -> Self { Self(source: .file(path)) }

        /// The authorities in PEM text, instead of the system's.
        public static func pem(_ bytes: [UInt8]) -> Self { Self(source: .pem(bytes)) }
    }

    /// The certificate with which this client shows who it is, and its private key.
    public struct ClientCertificate: Hashable, Sendable {
        enum Source: Hashable {
            case file(String)
            case pem(Hidden<[UInt8]>)
        }

        let chain: Source
        let key: Source
        let password: Hidden<String>?

        /// PEM files: the certificate with its intermediates, and the key, encrypted if there is a password.
        public static func files(certificate: String, key: String, password: String? = nil) -> Self {
            Self(chain: .file(certificate), key: .file(key), password: password.map { Hidden($0) })
        }

        /// PEM text: the certificate with its intermediates, and the key, encrypted if there is a password.
        public static func pem(certificate: [UInt8], key: [UInt8], password: String? = nil) -> Self {
            Self(
                chain: .pem(Hidden(certificate)),
                key: .pem(Hidden(key)),
                password: password.map { Hidden($0) }
            )
        }
    }

    /// How the server's certificate is checked.
    public struct Verification: Hashable, Sendable {
        enum Level: Hashable { case full, withoutHostName, none }

        let level: Level

        /// The certificate must come from a trusted authority and be for the host that was asked for.
        public static let full = Self(level: .full)

        /// Insecure: the certificate of any host is accepted, if it comes from a trusted authority.
        public static let insecureWithoutHostName = Self(level: .withoutHostName)

        /// Insecure: every certificate is accepted, so that anybody on the way can read and change everything.
        public static let insecureNone = Self(level: .none)
    }

    /// A version of TLS.
    public struct Version: Hashable, Sendable {
        enum Name: Hashable { case tls10, tls11, tls12, tls13 }

        let name: Name

        /// TLS 1.0, long deprecated.
        public static let tls10 = Self(name: .tls10)
        /// TLS 1.1, long deprecated.
        public static let tls11 = Self(name: .tls11)
        /// TLS 1.2.
        public static let tls12 = Self(name: .tls12)
        /// TLS 1.3.
        public static let tls13 = Self(name: .tls13)
    }

    /// Whose certificates are accepted; what is given here replaces the system's authorities.
    public var trust: Trust

    /// The certificate that is shown to a server that asks for one.
    public var clientCertificate: ClientCertificate?

    /// The name the server's certificate must be for, when it is not the host.
    public var serverName: String?

    /// The oldest version of TLS to use; TLS 1.2 unless told otherwise.
    public var minimumVersion: Version

    /// How the server's certificate is checked.
    public var verification: Verification

    /// The protocols offered by ALPN, most wanted first; for example `mqtt` for AWS IoT on port 443.
    public var applicationProtocols: [String]

    /// Makes settings; without arguments they are right for a broker with a public certificate.
    public init(
        trust: Trust = .system,
        clientCertificate: ClientCertificate? = nil,
        serverName: String? = nil,
        minimumVersion: Version = .tls12,
        verification: Verification = .full,
        applicationProtocols: [String] = []
    ) {
        self.trust = trust
        self.clientCertificate = clientCertificate
        self.serverName = serverName
        self.minimumVersion = minimumVersion
        self.verification = verification
        self.applicationProtocols = applicationProtocols
    }
}
