// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension TLSSettings {
    /// How the server's certificate is checked.
    public struct Verification: Hashable, Sendable {
        enum Level: Hashable {
            case full, withoutHostName, none
            case replaced(Hook<@Sendable ([[UInt8]]) async throws -> Void>)
        }

        let level: Level

        /// The certificate must come from a trusted authority, be valid today, and be for the host that was asked for.
        ///
        /// Whether it was revoked is not checked: neither lists of revoked certificates (CRL) nor OCSP are looked at. To
        /// refuse revoked certificates, issue short-lived ones, or check yourself with ``replaced(by:)``.
        public static let full = Self(level: .full)

        /// Insecure: the certificate of any host is accepted, if it comes from a trusted authority.
        public static let insecureWithoutHostName = Self(level: .withoutHostName)

        /// Insecure: every certificate is accepted, so that anybody on the way can read and change everything.
        ///
        /// ``TLSSettings/trust`` is not read then.
        public static let insecureNone = Self(level: .none)

        /// Replaces the whole check by the program's own: of the authorities, the dates and the host name.
        ///
        /// Only that the server has the key of the certificate it shows is still checked; ``TLSSettings/trust`` is not read.
        /// `check` gets the certificates as the server sent them, in DER form and unchecked, the server's own first, once for
        /// each attempt to connect. Returning accepts them; an error refuses them with
        /// ``TransportError/Code/certificateRejected`` and becomes its cause. The time it takes counts as that of the TLS
        /// handshake; when the attempt ends before, its task is cancelled.
        ///
        /// ```swift
        /// TLSSettings(
        ///     verification: .replaced { chain in
        ///         guard Array(SHA256.hash(data: chain[0])) == fingerprint else { throw UnknownBroker() }
        ///     }
        /// )
        /// ```
        public static func replaced(
            by check: @escaping @Sendable (_ chain: [[UInt8]]) async throws -> Void
        ) -> Self {
            Self(level: .replaced(Hook(check)))
        }
    }
}
