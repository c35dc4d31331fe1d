// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOSSL

/// Certificates and keys as they are found in files, with errors that say which file or text is wrong.
package enum CertificateText {
    /// The certificates in PEM text, or the one that is there in DER form; at least one.
    package static func certificates(_ bytes: [UInt8], of name: String) throws(TransportError) -> [NIOSSLCertificate] {
        let found = try self.anyCertificates(bytes, of: name)
        guard !found.isEmpty else {
            throw TransportError(.tlsConfiguration, "\(name) holds no certificate in PEM or DER format.")
        }
        return found
    }

    /// The certificates in PEM text, or the one that is there in DER form; none if there is neither.
    static func anyCertificates(_ bytes: [UInt8], of name: String) throws(TransportError) -> [NIOSSLCertificate] {
        guard bytes.first != BERElement.sequence else {
            return (try? NIOSSLCertificate(bytes: bytes, format: .der)).map { [$0] } ?? []
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard ["", "TRUSTED ", "X509 "].contains(where: { text.contains("-----BEGIN \($0)CERTIFICATE-----") }) else {
            return []
        }
        do {
            return try NIOSSLCertificate.fromPEMBytes(bytes)
        } catch {
            throw TransportError(.tlsConfiguration, "\(name) holds a malformed certificate.", cause: error)
        }
    }

    /// The key in PEM text, or in DER form, which is not encrypted.
    package static func privateKey(
        _ bytes: [UInt8],
        password: String?,
        of name: String
    ) throws(TransportError) -> NIOSSLPrivateKey {
        guard !bytes.isEmpty else {
            throw TransportError(.tlsConfiguration, "\(name) holds no private key in PEM or DER format.")
        }
        let password = Array((password ?? "").utf8)
        // NIOSSL traps on bytes above 127 and takes a password that is too long for none.
        guard password.allSatisfy({ $0 < 0x80 }), password.count < 1_024 else {
            throw TransportError(.tlsConfiguration, "The password of \(name) is too long or not ASCII.")
        }
        do {
            if bytes.first == BERElement.sequence { return try NIOSSLPrivateKey(bytes: bytes, format: .der) }
            // With a callback even where there is no password: without one BoringSSL would ask on the terminal.
            return try NIOSSLPrivateKey(bytes: bytes, format: .pem) { $0(password) }
        } catch {
            let isEncrypted = String(decoding: bytes, as: UTF8.self).contains("ENCRYPTED")
            let reason =
                switch (isEncrypted, password.isEmpty) {
                case (true, true): "is encrypted; give its password"
                case (true, false): "cannot be decrypted; check its password"
                default: "holds no private key in PEM or DER format"
                }
            throw TransportError(.tlsConfiguration, "\(name) \(reason).", cause: error)
        }
    }
}
