// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A user name and a password for SCRAM.
///
/// SCRAM wants both prepared by SASLprep (RFC 4013). Spaces of other scripts become the plain one, characters that are not
/// seen are left out, control characters and the like are refused. Compatibility forms are not normalised, and the rules for
/// text in both directions not checked: give text beyond ASCII in the form NFKC, in which most keyboards make it anyway.
public struct SCRAMCredentials: Sendable {
    /// The user name, not empty.
    public var username: String

    /// The password.
    public var password: String

    /// Makes credentials.
    public init(username: String, password: String) {
        self.username = username
        self.password = password
    }
}

extension SCRAMCredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Does not show them.
    public var description: String { "credentials" }

    /// Does not show them.
    public var debugDescription: String { "credentials" }

    /// Does not show them.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
