// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension TLSSettings {
    /// The certificate with which this client shows who it is, and its private key.
    ///
    /// ```swift
    /// settings.clientCertificate = .pkcs12(file: "/etc/mqtt/client.p12", password: "open sesame")
    /// settings.clientCertificate = .files(certificate: "client.pem", key: "client.key")
    ///     .askingForPassword { try keychain.password(for: "client.key") }
    /// ```
    public struct ClientCertificate: Hashable, Sendable {
        enum Source: Hashable {
            case file(String)
            case bytes(Hidden<[UInt8]>)
        }

        enum Form: Hashable {
            case parts(chain: Source, key: Source)
            case pkcs12(Source)
        }

        enum Password: Hashable {
            case given(Hidden<String>)
            case asked(Hook<@Sendable () throws -> String>)
        }

        let form: Form
        private(set) var password: Password?

        private init(_ form: Form, _ password: String?) {
            self.form = form
            self.password = password.map { .given(Hidden($0)) }
        }

        /// Files: the certificate with its intermediates, and the key, encrypted if there is a password.
        ///
        /// Both in PEM form, or in DER form without intermediates and password.
        public static func files(certificate: String, key: String, password: String? = nil) -> Self {
            Self(.parts(chain: .file(certificate), key: .file(key)), password)
        }

        /// PEM text: the certificate with its intermediates, and the key, encrypted if there is a password.
        public static func pem(certificate: [UInt8], key: [UInt8], password: String? = nil) -> Self {
            Self(.parts(chain: .bytes(Hidden(certificate)), key: .bytes(Hidden(key))), password)
        }

        /// A PKCS#12 file (`.p12`, `.pfx`) with one key, its certificate, and intermediates if need be.
        public static func pkcs12(file: String, password: String? = nil) -> Self {
            Self(.pkcs12(.file(file)), password)
        }

        /// The bytes of a PKCS#12 file with one key, its certificate, and intermediates if need be.
        public static func pkcs12(bytes: [UInt8], password: String? = nil) -> Self {
            Self(.pkcs12(.bytes(Hidden(bytes))), password)
        }

        /// The same certificate, for whose key the password is asked for.
        ///
        /// `provider` is called at each attempt to connect, on a thread that may block, within the timeout of the attempt.
        /// When it throws, the attempt fails with ``TransportError/Code/tlsConfiguration`` and its error as the cause.
        public func askingForPassword(_ provider: @escaping @Sendable () throws -> String) -> Self {
            var asking = self
            asking.password = .asked(Hook(provider))
            return asking
        }
    }
}
