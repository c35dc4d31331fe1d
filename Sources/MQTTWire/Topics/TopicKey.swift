// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A topic as the key of a dictionary: equal when the UTF-8 bytes are, with a hash cheaper than a `String`'s.
package struct TopicKey: Hashable, Sendable {
    package let string: String

    package init(_ string: String) { self.string = string }

    package static func == (left: Self, right: Self) -> Bool { TopicBytes.areEqual(left.string, right.string) }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(TopicBytes.with(self.string) { TopicBytes.hash(of: $0) })
    }
}
