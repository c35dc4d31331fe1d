// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import MQTTTransport

@Suite struct LoadSizedReadsTests {
    /// The sizes of the next buffer after each of some reads.
    private func sizes(after reads: [Int]) -> [Int?] {
        var allocator = LoadSizedReads()
        return reads.map { read in
            let before = allocator.buffer(allocator: ByteBufferAllocator()).capacity
            let mayGrow = allocator.record(actualReadBytes: read)
            let after = allocator.nextBufferSize()
            #expect(mayGrow == ((after ?? 0) > before))
            return after
        }
    }

    @Test func `reads grow while they are filled, and are small again after a quiet time`() {
        let growing = [1_024, 4_096, 16_384, 65_536]
        #expect(self.sizes(after: growing) == [4_096, 16_384, 65_536, 65_536])
        let quiet = Array(repeating: 100, count: 64)
        #expect(self.sizes(after: growing + quiet).suffix(2) == [65_536, 1_024])
    }

    @Test func `a read that is not small begins the quiet time anew`() {
        let quiet = Array(repeating: 1, count: 63)
        #expect(self.sizes(after: [1_024] + quiet + [2_000] + quiet).last == 4_096)
        #expect(self.sizes(after: [1_024] + quiet + [2_000] + quiet + [1]).last == 1_024)
    }
}
