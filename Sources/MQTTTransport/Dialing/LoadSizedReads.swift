// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Sizes read buffers by what comes: small at first, four times as large whenever one is filled, and small again after a
/// quiet time.
///
/// A large buffer makes many small messages cheap; most connections of a program with thousands of them never need one.
struct LoadSizedReads: RecvByteBufferAllocator {
    /// A burst of 250 acknowledgements fits.
    static let small = 1_024
    /// Under 128 KiB, so that the memory allocator keeps the buffers instead of giving their pages back.
    static let large = 65_536
    /// So many reads in a row that a small buffer would have held end the load.
    private static let quietReads = 64

    private var size = Self.small
    private var quiet = 0

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer { allocator.buffer(capacity: self.size) }

    func nextBufferSize() -> Int? { self.size }

    mutating func record(actualReadBytes: Int) -> Bool {
        guard actualReadBytes < Self.small else {
            self.quiet = 0
            guard actualReadBytes >= self.size, self.size < Self.large else { return false }
            self.size = min(4 * self.size, Self.large)
            return true
        }
        guard self.size > Self.small else { return false }
        self.quiet += 1
        if self.quiet >= Self.quietReads {
            self.quiet = 0
            self.size = Self.small
        }
        return false
    }
}
