// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension TLSSettings {
    /// Whose certificates are accepted.
    ///
    /// ```swift
    /// TLSSettings(trust: .file("/etc/mqtt/ca.pem"))                 // these authorities only
    /// TLSSettings(trust: .systemAnd(.directory("/etc/mqtt/ca")))    // the system's, too
    /// ```
    public struct Trust: Hashable, Sendable {
        enum Source: Hashable {
            case file(String)
            case directory(String)
            case pem([UInt8])
            case der([[UInt8]])
        }

        let includesSystem: Bool
        let sources: [Source]

        private init(includesSystem: Bool = false, _ sources: [Source]) {
            self.includesSystem = includesSystem
            self.sources = sources
        }

        /// The authorities the operating system trusts.
        public static let system = Self(includesSystem: true, [])

        /// The authorities the operating system trusts, and others beside them.
        public static func systemAnd(_ others: Trust...) -> Self {
            Self(includesSystem: true, others.flatMap(\.sources))
        }

        /// The authorities in a file, PEM or DER, instead of the system's.
        public static func file(_ path: String) -> Self { Self([.file(path)]) }

        /// The authorities in all files of a folder, PEM or DER, instead of the system's.
        ///
        /// The names of the files do not matter; files without a certificate and folders inside are passed over. A folder
        /// without any certificate is an error.
        public static func directory(_ path: String) -> Self { Self([.directory(path)]) }

        /// The authorities in PEM text, instead of the system's.
        public static func pem(_ bytes: [UInt8]) -> Self { Self([.pem(bytes)]) }

        /// The authorities with these certificates in DER form, instead of the system's.
        public static func der(_ certificates: [[UInt8]]) -> Self { Self([.der(certificates)]) }
    }
}
