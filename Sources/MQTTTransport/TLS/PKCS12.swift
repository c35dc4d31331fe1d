// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOSSL

/// The key and certificates of a PKCS#12 file (RFC 7292).
enum PKCS12 {
    /// Opens the file, `name` in errors.
    static func open(
        _ bytes: [UInt8],
        password: String?,
        of name: String
    ) throws(TransportError) -> (chain: [NIOSSLCertificate], key: NIOSSLPrivateKey) {
        guard let contents = Contents(bytes) else {
            throw TransportError(.tlsConfiguration, "\(name) is no PKCS#12 file.")
        }
        if let flaw = contents.flaw { throw TransportError(.tlsConfiguration, "\(name) \(flaw).") }
        guard password.map({ $0.utf8.count < 1_024 && !$0.utf8.contains(0) }) ?? true else {
            throw TransportError(.tlsConfiguration, "The password of \(name) is too long or holds a zero.")
        }
        do {
            let bundle = try NIOSSLPKCS12Bundle(buffer: bytes, passphrase: password.map { Array($0.utf8) })
            return (bundle.certificateChain, bundle.privateKey)
        } catch {
            let words = TransportError.words(of: error)
            let reason =
                switch (words.contains("INCORRECT_PASSWORD"), password) {
                case (true, nil): "is encrypted; give its password"
                case (true, _): "cannot be decrypted; check its password"
                default: "cannot be read: \(words)"
                }
            throw TransportError(.tlsConfiguration, "\(name) \(reason).", cause: error)
        }
    }

    /// What can be seen of a file without its password.
    ///
    /// NIOSSL traps on files in which it finds no key, or no certificate of the key. Whoever writes such files marks a key
    /// that comes with its certificate (localKeyId), and the keys lie in the open, each encrypted for itself.
    private struct Contents {
        private var keys = 0
        private var marked = 0
        private var mayHoldCertificates = false

        // Their contents: 1.2.840.113549.1 is 2A 86 48 86 F7 0D 01.
        private static let data: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x01]
        private static let encryptedData: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x07, 0x06]
        private static let bag: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x0C, 0x0A, 0x01]
        private static let localKeyID: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x15]
        private static let keyBag: UInt8 = 1
        private static let shroudedKeyBag: UInt8 = 2
        private static let certificateBag: UInt8 = 3

        init?(_ bytes: [UInt8]) {
            guard let file = BERElement(bytes)?.sequence, file.count >= 2, let safe = Self.opened(file[1]),
                safe.type.isIdentifier(Self.data), let contents = safe.value.octets,
                let parts = BERElement(contents)?.sequence
            else { return nil }
            for part in parts {
                guard let (type, value) = Self.opened(part) else { return nil }
                if type.isIdentifier(Self.encryptedData) {
                    self.mayHoldCertificates = true
                } else if type.isIdentifier(Self.data) {
                    guard let bags = value.octets.flatMap({ BERElement($0) })?.sequence else { return nil }
                    for bag in bags { self.note(bag) }
                }
            }
        }

        /// A sequence of a type and, in brackets, a value.
        private static func opened(_ element: BERElement) -> (type: BERElement, value: BERElement)? {
            guard let parts = element.sequence, parts.count >= 2, let value = parts[1].children?.first else {
                return nil
            }
            return (parts[0], value)
        }

        private mutating func note(_ bag: BERElement) {
            guard let parts = bag.sequence, let type = parts.first, type.contents.dropLast().elementsEqual(Self.bag)
            else {
                return
            }
            switch type.contents.last {
            case Self.keyBag, Self.shroudedKeyBag:
                self.keys += 1
                let attributes = (parts.count > 2 ? parts[2].children : nil) ?? []
                let types = attributes.compactMap { $0.sequence?.first }
                if types.contains(where: { $0.isIdentifier(Self.localKeyID) }) { self.marked += 1 }
            case Self.certificateBag:
                self.mayHoldCertificates = true
            default:
                break
            }
        }

        /// Why the file is not opened, if it is not.
        var flaw: String? {
            if self.keys == 0 { return "holds no private key, or hides it; convert the file to PEM" }
            if self.keys > 1 { return "holds several private keys; convert the file to PEM" }
            if !self.mayHoldCertificates { return "holds no certificate" }
            return self.marked == 1 ? nil : "does not say which certificate is the key's; convert the file to PEM"
        }
    }
}
