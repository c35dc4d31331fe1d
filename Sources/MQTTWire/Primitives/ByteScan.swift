// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// What a string's bytes hold, found eight at a time: every string of every packet passes here.
struct ByteScan {
    /// Whether U+0000 is among them, which no MQTT string may hold (MQTT 5.0, 1.5.4).
    private(set) var hasNull = false
    /// Whether `#` or `+` is among them, which no topic name may hold (MQTT 5.0, 4.7.1).
    private(set) var hasWildcard = false
    /// Whether all are ASCII, and so well-formed UTF-8.
    private(set) var isASCII = true

    init(_ bytes: UnsafeRawBufferPointer) {
        var nulls: UInt64 = 0
        var wildcards: UInt64 = 0
        var all: UInt64 = 0
        var position = 0
        // Unaligned loads of whole words: the loop's condition is the bounds check.
        while bytes.count - position >= 8 {
            let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self)
            all |= word
            nulls |= Self.zeroBytes(word)
            wildcards |= Self.zeroBytes(word ^ Self.hashes) | Self.zeroBytes(word ^ Self.pluses)
            position += 8
        }
        while position < bytes.count {
            let byte = bytes[position]
            all |= UInt64(byte)
            nulls |= byte == 0 ? 1 : 0
            wildcards |= byte == UInt8(ascii: "#") || byte == UInt8(ascii: "+") ? 1 : 0
            position += 1
        }
        self.hasNull = nulls != 0
        self.hasWildcard = wildcards != 0
        self.isASCII = all & 0x8080_8080_8080_8080 == 0
    }

    private static let hashes: UInt64 = 0x2323_2323_2323_2323
    private static let pluses: UInt64 = 0x2B2B_2B2B_2B2B_2B2B

    /// Not zero exactly when one of the eight bytes is zero.
    @inline(__always)
    private static func zeroBytes(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }
}
