// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Bytes as two lower-case digits each.
enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    static func append(_ byte: UInt8, to output: inout [UInt8]) {
        output.append(self.digits[Int(byte >> 4)])
        output.append(self.digits[Int(byte & 15)])
    }
}
