// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Gives the same string for the same topic again, without checking its UTF-8 or allocating it anew.
///
/// Bounded: one string for the last topic and 256 more, none longer than 256 bytes. A hit is trusted only after its
/// bytes have been compared. Each hash has two places, or two busy topics that share one would evict each other.
struct TopicCache: Sendable {
    private static let pairs = 128
    private static let longest = 256

    private var last = ""
    private var table: [String] = []

    /// The topic name in these bytes: no U+0000, no wildcard (MQTT-3.3.2-1, MQTT-3.3.2-2).
    ///
    /// May be empty.
    mutating func topic(_ bytes: UnsafeRawBufferPointer) throws(DecodingError) -> String {
        if Self.matches(self.last, bytes) { return self.last }
        guard bytes.count <= Self.longest else { return try WireString.decodeTopicName(bytes) }
        // Made at the first topic: a decoder that meets none costs nothing.
        if self.table.isEmpty { self.table = Array(repeating: "", count: 2 * Self.pairs) }
        let slot = 2 * Int(truncatingIfNeeded: ByteScan.hash(bytes) & UInt64(Self.pairs - 1))
        if Self.matches(self.table[slot], bytes) {
            self.last = self.table[slot]
        } else if Self.matches(self.table[slot + 1], bytes) {
            self.last = self.table[slot + 1]
        } else {
            let topic = try WireString.decodeTopicName(bytes)
            self.table[slot + 1] = self.table[slot]
            self.table[slot] = topic
            self.last = topic
        }
        return self.last
    }

    private static func matches(_ topic: String, _ bytes: UnsafeRawBufferPointer) -> Bool {
        // Strings made of bytes are native and contiguous, so the closure always runs.
        topic.utf8.withContiguousStorageIfAvailable { ByteScan.equal(UnsafeRawBufferPointer($0), bytes) } ?? false
    }
}
