// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Testing

@Suite struct InstantTests {
    static let hugeDurations = [
        Duration(secondsComponent: .max, attosecondsComponent: 999_999_999_999_999_999),
        Duration.seconds(Int64.max), Duration.seconds(9_223_372_036), Duration.seconds(9_223_372_037),
    ]

    @Test(arguments: InstantTests.hugeDurations)
    func `the end of time holds`(duration: Duration) {
        #expect(Instant(nanoseconds: .max - 5).advanced(by: duration) == Instant(nanoseconds: .max))
        #expect(duration.clampedNanoseconds >= 9_223_372_036_000_000_000)
    }

    @Test(arguments: [Duration.seconds(Int64.min), .seconds(-9_223_372_037)])
    func `the beginning of time holds`(duration: Duration) {
        #expect(Instant(nanoseconds: .min + 5).advanced(by: duration) == Instant(nanoseconds: .min))
        #expect(duration.clampedNanoseconds == .min)
    }

    @Test func `the time between the ends of time is held at the right end`() {
        let first = Instant(nanoseconds: .min)
        let last = Instant(nanoseconds: .max)
        #expect(last.since(first) == .nanoseconds(Int64.max))
        #expect(first.since(last) == .nanoseconds(Int64.min))
        #expect(last.since(last.advanced(by: .seconds(-3))) == .seconds(3))
    }

    @Test func `parts of a nanosecond are dropped`() {
        #expect(Duration(secondsComponent: 1, attosecondsComponent: 1_999_999_999).clampedNanoseconds == 1_000_000_001)
    }

    @Test(arguments: InstantTests.hugeDurations + [Duration.seconds(Int64.min), .zero])
    func `no duration in a policy traps`(duration: Duration) {
        var harness = EngineHarness.connected { configuration in
            configuration.handshakeTimeout = duration
            configuration.pingTimeout = duration
            configuration.reconnect = ReconnectPolicy(
                initialDelay: duration,
                maximumDelay: duration,
                stablePeriod: duration
            )
        }
        harness.ping(1)
        harness.deadlineReached()
        for _ in 0..<100 {
            harness.linkLost()
            harness.redial()
        }
        #expect(harness.engine.isActive)
    }
}
