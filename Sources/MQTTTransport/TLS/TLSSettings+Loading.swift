// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOSSL

extension TLSSettings.Trust {
    /// The certificates that were named, read anew; without the system's.
    package func load() throws(TransportError) -> [NIOSSLCertificate] {
        var certificates: [NIOSSLCertificate] = []
        for source in self.sources { certificates += try source.load() }
        return certificates
    }
}

extension TLSSettings.Trust.Source {
    fileprivate func load() throws(TransportError) -> [NIOSSLCertificate] {
        switch self {
        case .file(let path):
            return try CertificateText.certificates(FileBytes.read(path), of: "The CA file \(path.debugDescription)")
        case .pem(let bytes):
            return try CertificateText.certificates(bytes, of: "The PEM text of the CA")
        case .der(let list):
            var certificates: [NIOSSLCertificate] = []
            for bytes in list {
                certificates += try CertificateText.certificates(bytes, of: "The DER text of the CA")
            }
            guard !certificates.isEmpty else {
                throw TransportError(.tlsConfiguration, "The list of the CA's certificates is empty.")
            }
            return certificates
        case .directory(let path):
            return try Self.load(directory: path)
        }
    }

    private static func load(directory path: String) throws(TransportError) -> [NIOSSLCertificate] {
        // Links in OpenSSL's manner show the same certificates again.
        var known: Set<[UInt8]> = []
        var certificates: [NIOSSLCertificate] = []
        for file in try FileBytes.files(in: path) {
            let name = "The CA file \(file.debugDescription)"
            for certificate in try CertificateText.anyCertificates(FileBytes.read(file), of: name) {
                guard let bytes = try? certificate.toDERBytes(), known.insert(bytes).inserted else { continue }
                certificates.append(certificate)
            }
        }
        guard !certificates.isEmpty else {
            throw TransportError(
                .tlsConfiguration,
                "The CA folder \(path.debugDescription) holds no file with a certificate in PEM or DER format."
            )
        }
        return certificates
    }
}

extension TLSSettings.ClientCertificate.Source {
    fileprivate var name: String {
        switch self {
        case .file(let path): path.debugDescription
        case .bytes: "(given as bytes)"
        }
    }

    fileprivate func bytes() throws(TransportError) -> [UInt8] {
        switch self {
        case .file(let path): try FileBytes.read(path)
        case .bytes(let bytes): bytes.value
        }
    }
}

extension TLSSettings.ClientCertificate {
    /// What the certificate is called in errors.
    var name: String {
        switch self.form {
        case .parts(let chain, let key): "\(chain.name) and its key \(key.name)"
        case .pkcs12(let source): "\(source.name) and its key"
        }
    }

    /// Reads the certificates and the key anew, asking for the password if need be.
    func load() throws(TransportError) -> (chain: [NIOSSLCertificate], key: NIOSSLPrivateKey) {
        switch self.form {
        case .parts(let chain, let key):
            let name = "The client key \(key.name)"
            return (
                try CertificateText.certificates(chain.bytes(), of: "The client certificate \(chain.name)"),
                try CertificateText.privateKey(key.bytes(), password: self.currentPassword(of: name), of: name)
            )
        case .pkcs12(let source):
            let name = "The client certificate \(source.name)"
            return try PKCS12.open(source.bytes(), password: self.currentPassword(of: name), of: name)
        }
    }

    private func currentPassword(of name: String) throws(TransportError) -> String? {
        switch self.password {
        case nil: return nil
        case .given(let password): return password.value
        case .asked(let provider):
            do {
                return try provider.call()
            } catch {
                // Not the error's own words: they may tell too much.
                throw TransportError(
                    .tlsConfiguration,
                    "The password of \(name) was asked for and not given; see the cause.",
                    cause: error
                )
            }
        }
    }
}
