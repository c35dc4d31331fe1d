// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A string that is compared by its UTF-8 bytes, as the standard compares client identifiers and topics (MQTT 5.0, 1.5.4).
///
/// `String` compares by canonical equivalence, which would make one of two topics.
struct UTF8Key: Hashable, Sendable {
    let string: String

    init(_ string: String) { self.string = string }

    static func == (left: Self, right: Self) -> Bool {
        left.string.utf8.count == right.string.utf8.count && left.string.utf8.elementsEqual(right.string.utf8)
    }

    func hash(into hasher: inout Hasher) {
        var string = self.string
        string.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension String {
    /// Whether two strings are the same bytes.
    func hasSameBytes(as other: String) -> Bool { UTF8Key(self) == UTF8Key(other) }

    /// The levels of a topic or of a filter's pattern (MQTT 5.0, 4.7.1).
    var topicLevels: [UTF8Key] {
        self.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { UTF8Key(String(Substring($0))) }
    }

    /// Whether it is one of the broker's own topics, which clients only read (MQTT 5.0, 4.7.2).
    var isSystemTopic: Bool {
        let bytes = self.utf8
        return bytes.starts(with: "$SYS".utf8) && (bytes.count == 4 || bytes.dropFirst(4).first == UInt8(ascii: "/"))
    }
}
