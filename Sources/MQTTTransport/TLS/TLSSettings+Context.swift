// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
package import NIOSSL

extension TLSSettings {
    /// What NIOSSL makes connections with.
    ///
    /// Reads files and parses certificates, which takes milliseconds for the system's, and may ask for a password: not on an
    /// event loop.
    func makeContext(for identity: ServerIdentity) throws(TransportError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        try self.setVersionsAndSuites(of: &configuration)
        try self.setVerification(of: &configuration, for: identity)
        configuration.applicationProtocols = try self.checkedApplicationProtocols()
        if let clientCertificate {
            let (chain, key) = try clientCertificate.load()
            configuration.certificateChain = chain.map { .certificate($0) }
            configuration.privateKey = .privateKey(key)
        }
        configuration.keyLogCallback = try self.keyLog?.open()
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw self.explained(error)
        }
    }

    private func setVersionsAndSuites(of configuration: inout TLSConfiguration) throws(TransportError) {
        let newest = self.maximumVersion ?? .tls13
        guard self.minimumVersion.name.rawValue <= newest.name.rawValue else {
            throw TransportError(
                .tlsConfiguration,
                "No version of TLS is allowed: the oldest is to be \(self.minimumVersion), the newest \(newest)."
            )
        }
        configuration.minimumTLSVersion = self.minimumVersion.nioSSL
        configuration.maximumTLSVersion = newest.nioSSL
        if !self.cipherSuites.isEmpty { configuration.cipherSuites = try CipherSuiteNames.list(self.cipherSuites) }
        if !self.curves.isEmpty {
            var known: Set<Curve> = []
            configuration.curves = self.curves.filter { known.insert($0).inserted }.map(\.nioSSL)
        }
    }

    private func setVerification(
        of configuration: inout TLSConfiguration,
        for identity: ServerIdentity
    ) throws(TransportError) {
        switch self.verification.level {
        case .full:
            // The stage looks for addresses itself: NIOSSL would compare that of the peer, which may be a proxy.
            configuration.certificateVerification = identity.isAddress ? .noHostnameVerification : .fullVerification
        case .withoutHostName:
            configuration.certificateVerification = .noHostnameVerification
        case .none:
            configuration.certificateVerification = .none
            return
        case .replaced:
            // The callback is called in modes only that want a certificate.
            configuration.certificateVerification = .noHostnameVerification
            configuration.trustRoots = .certificates([])
            return
        }
        let certificates = try self.trust.load()
        if self.trust.includesSystem {
            configuration.additionalTrustRoots = certificates.isEmpty ? [] : [.certificates(certificates)]
        } else {
            configuration.trustRoots = .certificates(certificates)
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

    private func explained(_ error: any Error) -> TransportError {
        let reason = TransportError.words(of: error)
        if let clientCertificate, reason.uppercased().contains("KEY") {
            return TransportError(
                .tlsConfiguration,
                "The client certificate \(clientCertificate.name) cannot be used together: \(reason)",
                cause: error
            )
        }
        return TransportError(.tlsConfiguration, "TLS cannot be set up: \(reason)", cause: error)
    }
}

extension TLSSettings.Version {
    package var nioSSL: TLSVersion {
        switch self.name {
        case .tls10: .tlsv1
        case .tls11: .tlsv11
        case .tls12: .tlsv12
        case .tls13: .tlsv13
        }
    }
}

extension TLSSettings.Curve {
    fileprivate var nioSSL: NIOTLSCurve {
        switch self.name {
        case .x25519MLKEM768: .x25519_MLKEM768
        case .x25519: .x25519
        case .secp256r1: .secp256r1
        case .secp384r1: .secp384r1
        case .secp521r1: .secp521r1
        }
    }
}

extension TLSSettings.KeyLog {
    fileprivate func open() throws(TransportError) -> NIOSSLKeyLogCallback {
        switch self {
        case .call(let log):
            return { line in
                let text = String(buffer: line)
                log.call(text.hasSuffix("\n") ? String(text.dropLast()) : text)
            }
        case .file(let path):
            let file = try AppendedFile(path)
            return { line in file.append(line.readableBytesView) }
        }
    }
}
