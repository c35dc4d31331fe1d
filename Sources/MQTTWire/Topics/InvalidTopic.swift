// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Why a string can be neither a topic to publish to nor a filter to subscribe with, as asked.
public struct InvalidTopic: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong and what to do about it.
    public let message: String

    package init(_ message: String) { self.message = message }

    /// The same as ``message``.
    public var description: String { self.message }

    /// A string as it may appear in a message: escaped, and cut where it is long.
    static func quoted(_ string: String) -> String {
        let shown = 60
        guard string.utf8.count > shown else { return string.debugDescription }
        // Cut between scalars: one grapheme can be as long as the whole string.
        let scalars = String(String.UnicodeScalarView(string.unicodeScalars.prefix(shown)))
        return "\(scalars.debugDescription)… (\(string.utf8.count) bytes)"
    }
}
