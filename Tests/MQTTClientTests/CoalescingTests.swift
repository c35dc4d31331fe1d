// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import Testing

@testable import MQTT

/// When a write waits for more.
@Suite struct CoalescingTests {
    private static func at(_ microseconds: Int64) -> Instant {
        Instant(nanoseconds: 1_000_000_000 + microseconds * 1_000)
    }

    private static func waits(_ coalescing: inout Coalescing, bytes: Int, now: Instant) -> Bool {
        coalescing.mayWait(bytes: bytes, now: now)
    }

    /// Just after a write.
    private static func written() -> Coalescing {
        var coalescing = Coalescing()
        coalescing.messages = 1_000
        #expect(!Self.waits(&coalescing, bytes: 20_000, now: Self.at(0)))
        return coalescing
    }

    @Test func `a dense stream waits once a write`() {
        var coalescing = Self.written()
        for round in 1...3 as ClosedRange<Int64> {
            coalescing.messages += 50
            #expect(Self.waits(&coalescing, bytes: 1_000, now: Self.at(round * 60 - 20)))
            coalescing.messages += 50
            #expect(!Self.waits(&coalescing, bytes: 2_000, now: Self.at(round * 60)))
        }
    }

    @Test func `a few messages, a pause in the stream, or much to write wait for nothing`() {
        var coalescing = Self.written()
        coalescing.messages += 10
        #expect(!Self.waits(&coalescing, bytes: 300, now: Self.at(10)))
        coalescing.messages += 100
        #expect(!Self.waits(&coalescing, bytes: 3_000, now: Self.at(70)))
        coalescing.messages += 100
        #expect(!Self.waits(&coalescing, bytes: 1 << 20, now: Self.at(80)))
    }
}
