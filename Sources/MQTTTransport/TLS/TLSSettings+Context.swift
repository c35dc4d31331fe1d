// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOSSL

extension TLSSettings {
    /// What NIOSSL makes connections with.
    ///
    /// Reads files and parses certificates, which takes milliseconds for the system's: not on an event loop.
    func makeContext() throws(TransportError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = self.minimumVersion.nioSSL
        configuration.certificateVerification = self.verification.nioSSL
        configuration.trustRoots = try self.trust.roots()
        configuration.applicationProtocols = try self.checkedApplicationProtocols()
        if let clientCertificate {
            configuration.certificateChain = try clientCertificate.loadChain().map { .certificate($0) }
            configuration.privateKey = .privateKey(try clientCertificate.loadKey())
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            let reason = TransportError.words(of: error)
            if let clientCertificate {
                throw TransportError(
                    .tlsConfiguration,
                    "The client certificate \(clientCertificate.chain.name) and its key \(clientCertificate.key.name) "
                        + "cannot be used together: \(reason)",
                    cause: error
                )
            }
            throw TransportError(.tlsConfiguration, "TLS cannot be set up: \(reason)", cause: error)
        }
    }

    /// NIOSSL traps on identifiers that are not ASCII or longer than 255 bytes.
    private func checkedApplicationProtocols() throws(TransportError) -> [String] {
        for identifier in self.applicationProtocols {
            guard (1...255).contains(identifier.utf8.count), identifier.utf8.allSatisfy({ $0 < 0x80 }) else {
                throw TransportError(
                    .tlsConfiguration,
                    "The ALPN protocol \(String(identifier.prefix(60)).debugDescription) is not 1 to 255 ASCII "
                        + "characters."
                )
            }
        }
        return self.applicationProtocols
    }
}

extension TLSSettings.Version {
    fileprivate var nioSSL: TLSVersion {
        switch self.name {
        case .tls10: .tlsv1
        case .tls11: .tlsv11
        case .tls12: .tlsv12
        case .tls13: .tlsv13
        }
    }
}

extension TLSSettings.Verification {
    fileprivate var nioSSL: CertificateVerification {
        switch self.level {
        case .full: .fullVerification
        case .withoutHostName: .noHostnameVerification
        case .none: .none
        }
    }
}

extension TLSSettings.Trust {
    fileprivate func roots() throws(TransportError) -> NIOSSLTrustRoots {
        switch self.source {
        case .system:
            .default
        case .file(let path):
            .certificates(try PEM.certificates(try FileBytes.read(path), of: "The CA file \(path.debugDescription)"))
        case .pem(let bytes):
            .certificates(try PEM.certificates(bytes, of: "The PEM text of the CA"))
        }
    }
}

extension TLSSettings.ClientCertificate.Source {
    fileprivate var name: String {
        switch self {
        case .file(let path): path.debugDescription
        case .pem: "(PEM text)"
        }
    }

    fileprivate func bytes() throws(TransportError) -> [UInt8] {
        switch self {
        case .file(let path): try FileBytes.read(path)
        case .pem(let bytes): bytes.value
        }
    }
}

extension TLSSettings.ClientCertificate {
    fileprivate func loadChain() throws(TransportError) -> [NIOSSLCertificate] {
        try PEM.certificates(try self.chain.bytes(), of: "The client certificate \(self.chain.name)")
    }

    fileprivate func loadKey() throws(TransportError) -> NIOSSLPrivateKey {
        try PEM.privateKey(
            try self.key.bytes(),
            password: self.password?.value,
            of: "The client key \(self.key.name)"
        )
    }
}

/// Certificates and keys of PEM text, with errors that say which text is wrong.
private enum PEM {
    static func certificates(_ bytes: [UInt8], of name: String) throws(TransportError) -> [NIOSSLCertificate] {
        let found: [NIOSSLCertificate]
        do {
            let isPEM = String(decoding: bytes, as: UTF8.self).contains("-----BEGIN ")
            found = isPEM ? try NIOSSLCertificate.fromPEMBytes(bytes) : []
        } catch {
            throw TransportError(.tlsConfiguration, "\(name) holds a malformed certificate.", cause: error)
        }
        guard !found.isEmpty else {
            throw TransportError(.tlsConfiguration, "\(name) holds no certificate in PEM format.")
        }
        return found
    }

    static func privateKey(
        _ bytes: [UInt8],
        password: String?,
        of name: String
    ) throws(TransportError) -> NIOSSLPrivateKey {
        guard !bytes.isEmpty else {
            throw TransportError(.tlsConfiguration, "\(name) holds no private key in PEM format.")
        }
        let password = Array((password ?? "").utf8)
        // NIOSSL traps on bytes above 127 and takes a password that is too long for none.
        guard password.allSatisfy({ $0 < 0x80 }), password.count < 1_024 else {
            throw TransportError(.tlsConfiguration, "The password of the client key is too long or not ASCII.")
        }
        do {
            // With a callback even where there is no password: without one BoringSSL would ask on the terminal.
            return try NIOSSLPrivateKey(bytes: bytes, format: .pem) { $0(password) }
        } catch {
            let isEncrypted = String(decoding: bytes, as: UTF8.self).contains("ENCRYPTED")
            let reason =
                switch (isEncrypted, password.isEmpty) {
                case (true, true): "is encrypted; give its password"
                case (true, false): "cannot be decrypted; check its password"
                default: "holds no private key in PEM format"
                }
            throw TransportError(.tlsConfiguration, "\(name) \(reason).", cause: error)
        }
    }
}
