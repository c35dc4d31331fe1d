// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The variable byte integer: seven bits in each of one to four bytes, the low ones first (MQTT 5.0, 1.5.5).
enum VariableByteInteger {
    /// The largest value four bytes can hold.
    static let maximum = 268_435_455

    /// How many bytes the shortest form of a value takes, 1 to 4.
    @inline(__always)
    static func size(of value: Int) -> Int {
        value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4
    }

    /// What the first bytes of some input say.
    enum Reading {
        case value(Int, size: Int)
        /// The bytes so far may be the beginning of one.
        case incomplete
        /// A fifth byte, or a form longer than the value needs.
        case malformed
    }

    /// Reads one from the beginning of some bytes.
    @inline(__always)
    static func read(_ bytes: UnsafeRawBufferPointer, at start: Int, end: Int) -> Reading {
        guard start < end else { return .incomplete }
        // Most lengths take one byte.
        guard bytes[start] >= 128 else { return .value(Int(bytes[start]), size: 1) }
        return Self.readLong(bytes, at: start, end: end)
    }

    private static func readLong(_ bytes: UnsafeRawBufferPointer, at start: Int, end: Int) -> Reading {
        var value = 0
        for index in 0..<4 {
            guard start + index < end else { return .incomplete }
            let byte = bytes[start + index]
            value |= Int(byte & 0x7F) << (7 * index)
            if byte < 128 {
                // A last byte of zero adds nothing: the form is not the shortest (MQTT-1.5.5-1).
                return byte == 0 && index > 0 ? .malformed : .value(value, size: index + 1)
            }
        }
        return .malformed
    }
}

extension ByteBuffer {
    /// Writes the shortest form of a value the caller has found to be no more than ``VariableByteInteger/maximum``.
    @inline(__always)
    mutating func writeVariableByteInteger(_ value: Int) {
        var rest = value
        while rest >= 128 {
            self.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        self.writeInteger(UInt8(truncatingIfNeeded: rest))
    }

    /// Writes the first byte and the remaining length of a packet (MQTT 5.0, 2.1).
    mutating func writeFixedHeader(_ type: PacketType, flags: UInt8 = 0, remainingLength: Int) {
        self.writeInteger(type.rawValue << 4 | flags)
        self.writeVariableByteInteger(remainingLength)
    }
}
