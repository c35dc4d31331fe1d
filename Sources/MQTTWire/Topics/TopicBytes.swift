// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Topics as what they are on the wire: UTF-8 bytes.
///
/// The standard compares topics byte by byte, without normalization (MQTT 5.0, 1.5.4 and 4.7.3). `String` compares by
/// canonical equivalence, which would make one topic of two, so nothing in this folder compares strings with `==`.
enum TopicBytes {
    static let slash = UInt8(ascii: "/")
    static let plus = UInt8(ascii: "+")
    static let hash = UInt8(ascii: "#")
    static let dollar = UInt8(ascii: "$")

    /// What the two length bytes of a string can say (MQTT 5.0, 1.5.4).
    static let maximumLength = 65_535

    /// Calls `body` with the bytes of `string`, which are not copied unless the string was bridged.
    @inline(__always)
    static func with<Result>(_ string: String, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        if let result = string.utf8.withContiguousStorageIfAvailable({ body(UnsafeRawBufferPointer($0)) }) {
            return result
        }
        var native = string
        return native.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }

    /// Where the level that begins at `start` ends: at the next slash or at the end of the bytes.
    @inline(__always)
    static func endOfLevel(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var end = start
        while end < bytes.count, bytes[end] != self.slash { end += 1 }
        return end
    }

    /// Whether two strings are the same bytes.
    static func areEqual(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        return self.with(left) { left in self.with(right) { right in self.areEqual(left, right) } }
    }

    /// Whether two pieces are the same bytes, eight at a time.
    static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count else { return false }
        var offset = 0
        while left.count - offset >= 8 {
            let leftWord = left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard leftWord == right.loadUnaligned(fromByteOffset: offset, as: UInt64.self) else { return false }
            offset += 8
        }
        while offset < left.count {
            guard left[offset] == right[offset] else { return false }
            offset += 1
        }
        return true
    }

    /// A cheap hash of some bytes, seeded per process so that nobody can choose topics that collide.
    static func hash(of bytes: UnsafeRawBufferPointer, seed: UInt64 = Self.seed) -> UInt64 {
        var state = seed ^ UInt64(truncatingIfNeeded: bytes.count)
        var offset = 0
        while bytes.count - offset >= 8 {
            state = self.mix(state ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        var rest: UInt64 = 0
        while offset < bytes.count {
            rest = rest << 8 | UInt64(bytes[offset])
            offset += 1
        }
        return self.mix(state ^ rest)
    }

    /// Spreads every bit of `value` over the result (the folded product of two 64-bit numbers).
    @inline(__always)
    static func mix(_ value: UInt64) -> UInt64 {
        let product = (value ^ 0xA076_1D64_78BD_642F).multipliedFullWidth(by: 0xE703_7ED1_A0B4_28DB)
        return product.high ^ product.low
    }

    /// Of the standard library's own per-process seed.
    static let seed = UInt64(truncatingIfNeeded: Hasher().finalize())

    static func checkLength(of string: String, as kind: String) throws(InvalidTopic) {
        guard string.utf8.count <= self.maximumLength else {
            throw InvalidTopic(
                "The \(kind) is \(string.utf8.count) bytes long; MQTT allows \(self.maximumLength) bytes of UTF-8."
            )
        }
    }

    static func holdsNull(_ string: String, as kind: String) -> InvalidTopic {
        InvalidTopic("The \(kind) \(InvalidTopic.quoted(string)) holds the character U+0000; take it out.")
    }
}
