// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Writes the frames of a WebSocket client, each masked with a fresh random key (RFC 6455, 5.3).
struct FrameWriter {
    enum Opcode: UInt8 {
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10
    }

    private var random = SystemRandomNumberGenerator()
    /// Half of a random number: one of them makes two keys.
    private var nextKey: UInt32?
    /// The last frame's memory, used again once it has been sent.
    private var recent: ByteBuffer?

    /// Larger memory is not kept.
    private static let limit = 65_536
    private static let longestHeader = 14

    /// The whole of a message in one frame.
    mutating func frame(_ opcode: Opcode, _ payload: ByteBuffer) -> ByteBuffer {
        let size = payload.readableBytes
        let key = self.key()
        var frame = self.memory(size + Self.longestHeader)
        frame.writeInteger(0x80 | opcode.rawValue)
        switch size {
        case ..<126:
            frame.writeInteger(0x80 | UInt8(truncatingIfNeeded: size))
        case ..<65_536:
            frame.writeMultipleIntegers(0x80 | UInt8(126), UInt16(truncatingIfNeeded: size))
        default:
            frame.writeMultipleIntegers(0x80 | UInt8(127), UInt64(size))
        }
        frame.writeInteger(key)
        frame.writeMasked(payload, key: key)
        if frame.capacity <= Self.limit { self.recent = frame }
        return frame
    }

    private mutating func memory(_ size: Int) -> ByteBuffer {
        if var recent = self.recent.take() {
            let fits = recent.modifyIfUniquelyOwned { buffer in
                buffer.clear()
                return buffer.capacity >= size
            }
            if fits == true { return recent }
        }
        return ByteBufferAllocator().buffer(capacity: size)
    }

    /// From the system's generator: the other side of a connection must not be able to guess what will be on the wire.
    private mutating func key() -> UInt32 {
        if let key = self.nextKey.take() { return key }
        let both = self.random.next()
        self.nextKey = UInt32(truncatingIfNeeded: both >> 32)
        return UInt32(truncatingIfNeeded: both)
    }
}

extension ByteBuffer {
    /// Writes the bytes of another buffer, each combined with that of the key, in one pass over them.
    mutating func writeMasked(_ payload: ByteBuffer, key: UInt32) {
        // In the order of memory; eight bytes are two times the key.
        let half = UInt64(key.bigEndian)
        let word = half << 32 | half
        let size = payload.readableBytes
        payload.withUnsafeReadableBytes { source in
            _ = self.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { target in
                var index = 0
                while index + 8 <= size {
                    let bytes = source.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                    target.storeBytes(of: bytes ^ word, toByteOffset: index, as: UInt64.self)
                    index += 8
                }
                while index < size {
                    target[index] = source[index] ^ UInt8(truncatingIfNeeded: key >> (24 - 8 * (index % 4)))
                    index += 1
                }
                return size
            }
        }
    }
}
