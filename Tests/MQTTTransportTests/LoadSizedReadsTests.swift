// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import MQTTTransport

@Suite struct LoadSizedReadsTests {
    @Test func `reads grow while they are filled, and are small again after a quiet time`() {
        var reads = LoadSizedReads()
        #expect(reads.nextBufferSize() == 1_024)
        for size in [4_096, 16_384, 65_536] {
            #expect(reads.record(actualReadBytes: size / 4))
            #expect(reads.nextBufferSize() == size)
            #expect(reads.buffer(allocator: ByteBufferAllocator()).capacity == size)
        }
        #expect(!reads.record(actualReadBytes: 65_536))
        for _ in 0..<63 { #expect(!reads.record(actualReadBytes: 100)) }
        #expect(reads.nextBufferSize() == 65_536)
        #expect(!reads.record(actualReadBytes: 100))
        #expect(reads.nextBufferSize() == 1_024)
    }

    @Test func `a read that is not small begins the quiet time anew`() {
        var reads = LoadSizedReads()
        #expect(reads.record(actualReadBytes: 1_024))
        for _ in 0..<63 { #expect(!reads.record(actualReadBytes: 1)) }
        #expect(!reads.record(actualReadBytes: 2_000))
        for _ in 0..<63 { #expect(!reads.record(actualReadBytes: 1)) }
        #expect(reads.nextBufferSize() == 4_096)
    }
}
