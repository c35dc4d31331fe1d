// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Base64 with padding, as SCRAM wants it (RFC 4648, 4).
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let pad = UInt8(ascii: "=")

    package static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var word: UInt32 = 0
            for (place, byte) in group.enumerated() { word |= UInt32(byte) << UInt32(16 - 8 * place) }
            for place in 0..<4 {
                let digit = Int(word >> UInt32(18 - 6 * place) & 0x3F)
                text.append(place <= group.count ? Self.alphabet[digit] : Self.pad)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// The bytes; nil for anything but the one right spelling of them.
    package static func decode(_ text: [UInt8]) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        for start in stride(from: 0, to: text.count, by: 4) {
            let isLast = start + 4 == text.count
            guard let group = Self.group(text[start..<start + 4], isLast: isLast) else { return nil }
            bytes += group
        }
        return bytes
    }

    private static func group(_ text: ArraySlice<UInt8>, isLast: Bool) -> [UInt8]? {
        let padding = text.reversed().prefix { $0 == Self.pad }.count
        guard padding == 0 || isLast && padding <= 2 else { return nil }
        var word: UInt32 = 0
        for digit in text.dropLast(padding) {
            guard let value = Self.value(of: digit) else { return nil }
            word = word << 6 | value
        }
        word <<= UInt32(6 * padding)
        // Bits that belong to no byte have to be zero.
        guard word & (1 << UInt32(8 * padding) - 1) == 0 else { return nil }
        return [16, 8, 0].prefix(3 - padding).map { UInt8(truncatingIfNeeded: word >> $0) }
    }

    private static func value(of digit: UInt8) -> UInt32? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(digit - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(digit - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(digit - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
