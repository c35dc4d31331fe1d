// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Base 64 of RFC 4648, section 4, with padding.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Appends the characters for `bytes`.
    static func append(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        output.reserveCapacity(output.count + (bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let count = min(3, bytes.count - index)
            var group: UInt32 = 0
            for offset in 0..<3 { group = group << 8 | (offset < count ? UInt32(bytes[index + offset]) : 0) }
            for character in 0..<4 {
                let digit = Int(group >> UInt32(18 - 6 * character) & 63)
                output.append(character <= count ? self.alphabet[digit] : UInt8(ascii: "="))
            }
            index += 3
        }
    }
}
