// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// What a string's bytes hold, found eight at a time: every string of every packet passes here.
struct ByteScan {
    /// Whether U+0000 is among them, which no MQTT string may hold (MQTT 5.0, 1.5.4).
    private(set) var hasNull = false
    /// Whether `#` or `+` is among them, which no topic name may hold (MQTT 5.0, 4.7.1).
    private(set) var hasWildcard = false

    init(_ bytes: UnsafeRawBufferPointer) {
        var nulls: UInt64 = 0
        var wildcards: UInt64 = 0
        var position = 0
        // Unaligned loads of whole words: the loop's condition is the bounds check.
        while bytes.count - position >= 8 {
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            nulls |= Self.zeroBytes(word)
            wildcards |= Self.zeroBytes(word ^ Self.hashes) | Self.zeroBytes(word ^ Self.pluses)
            position += 8
        }
        while position < bytes.count {
            let byte = bytes[position]
            nulls |= byte == 0 ? 1 : 0
            wildcards |= byte == UInt8(ascii: "#") || byte == UInt8(ascii: "+") ? 1 : 0
            position += 1
        }
        self.hasNull = nulls != 0
        self.hasWildcard = wildcards != 0
    }

    private static let hashes: UInt64 = 0x2323_2323_2323_2323
    private static let pluses: UInt64 = 0x2B2B_2B2B_2B2B_2B2B

    /// Not zero exactly when one of the eight bytes is zero.
    @inline(__always)
    private static func zeroBytes(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }
}

extension ByteScan {
    /// Whether two runs of bytes are the same.
    static func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count else { return false }
        var position = 0
        while left.count - position >= 8 {
            let leftWord = left.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            let rightWord = right.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            guard leftWord == rightWord else { return false }
            position += 8
        }
        while position < left.count {
            guard left[position] == right[position] else { return false }
            position += 1
        }
        return true
    }

    /// A cheap hash for a table that compares the bytes before it trusts a hit.
    static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: bytes.count)
        var position = 0
        while bytes.count - position >= 8 {
            hash = Self.mix(hash ^ bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
            position += 8
        }
        var tail: UInt64 = 0
        while position < bytes.count {
            tail = tail << 8 | UInt64(bytes[position])
            position += 1
        }
        return Self.mix(hash ^ tail)
    }

    @inline(__always)
    private static func mix(_ word: UInt64) -> UInt64 {
        let product = word &* 0x9E37_79B9_7F4A_7C15
        return product ^ product >> 29
    }
}
