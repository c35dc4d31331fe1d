// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension TLSSettings {
    /// A version of TLS.
    public struct Version: Hashable, Sendable, CustomStringConvertible {
        enum Name: Int, Hashable { case tls10, tls11, tls12, tls13 }

        let name: Name

        /// TLS 1.0, long deprecated.
        public static let tls10 = Self(name: .tls10)
        /// TLS 1.1, long deprecated.
        public static let tls11 = Self(name: .tls11)
        /// TLS 1.2.
        public static let tls12 = Self(name: .tls12)
        /// TLS 1.3.
        public static let tls13 = Self(name: .tls13)

        /// The name, for example "TLS 1.2".
        public var description: String { "TLS 1.\(self.name.rawValue)" }
    }

    /// A group for the exchange of keys.
    public struct Curve: Hashable, Sendable {
        enum Name: Hashable { case x25519MLKEM768, x25519, secp256r1, secp384r1, secp521r1 }

        let name: Name

        /// X25519 together with ML-KEM-768, which resists quantum computers; TLS 1.3 only.
        public static let x25519MLKEM768 = Self(name: .x25519MLKEM768)
        /// X25519.
        public static let x25519 = Self(name: .x25519)
        /// NIST's P-256.
        public static let secp256r1 = Self(name: .secp256r1)
        /// NIST's P-384.
        public static let secp384r1 = Self(name: .secp384r1)
        /// NIST's P-521.
        public static let secp521r1 = Self(name: .secp521r1)
    }
}
