// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Why a packet cannot be put on the wire as asked; nothing has been written.
package struct EncodingError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Kind: Hashable, Sendable {
        /// A topic name is empty, too long, holds a wildcard, U+0000 or is otherwise not allowed.
        case invalidTopic
        /// A topic filter breaks a rule of MQTT 5.0, 4.7.
        case invalidFilter
        /// A string or binary field is longer than 65,535 bytes or holds what MQTT strings may not.
        case invalidField
        /// A property may not be in this packet, is repeated or is out of range.
        case invalidProperty
        /// The packet would be larger than 268,435,455 bytes behind its fixed header.
        case tooLarge
        /// The packet needs what its version does not have, such as properties before 5.0.
        case notInThisVersion
    }

    package let kind: Kind
    /// What was wrong, for a person.
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    package var description: String { self.message }
}
