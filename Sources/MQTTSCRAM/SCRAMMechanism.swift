// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The hash function of SCRAM.
public struct SCRAMMechanism: Hashable, Sendable, CustomStringConvertible {
    enum Hash: Hashable, Sendable { case sha256, sha512 }

    let hash: Hash

    /// SCRAM-SHA-256 (RFC 7677).
    public static let sha256 = SCRAMMechanism(hash: .sha256)

    /// SCRAM-SHA-512, the same with the longer hash.
    public static let sha512 = SCRAMMechanism(hash: .sha512)

    /// The name that servers know it by.
    public var name: String {
        switch self.hash {
        case .sha256: "SCRAM-SHA-256"
        case .sha512: "SCRAM-SHA-512"
        }
    }

    /// The name that servers know it by.
    public var description: String { self.name }
}
