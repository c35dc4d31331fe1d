// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// The bound of a server's publish rate.
@Suite struct PacerTests {
    @Test(arguments: [1, 2, 9, 10, 100, 1_000, 1_000_000])
    func `no second has more than the bound, and the bound is nearly reached`(bound: Int) {
        var pacer = Pacer(perSecond: bound)
        var times: [Int64] = []
        var now = Instant(nanoseconds: 5)
        while times.count < 3 * min(bound, 5_000) + 3 {
            if pacer.take(now: now) { times.append(now.nanoseconds) } else { now = max(now, pacer.next) }
        }
        for (index, time) in times.enumerated() where index >= bound {
            #expect(time - times[index - bound] >= 1_000_000_000)
        }
        let took = Double(times[times.count - 1] - times[0]) / 1e9
        #expect(Double(times.count) / Double(bound) * 1.2 + 0.1 >= took)
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce])
    func `messages beyond the rate wait for their turn in order`(qos: QoS) {
        var harness = EngineHarness.connected { $0.publishesPerSecond = 10 }
        var sent = harness.publish(message("0", qos), 1).sent
        for number in 1..<5 as Range<UInt64> { sent += harness.publish(message("\(number)", qos), number + 1).sent }
        #expect(sent.count == 1)
        let start = harness.now
        while sent.count < 5, let due = harness.engine.nextDeadline {
            harness.now = due
            sent += harness.deadlineReached().sent
        }
        #expect(harness.now.since(start) >= .milliseconds(400))
        let expected = (0..<5).map { number -> Effect in
            let frame = message("\(number)", qos)
            guard qos == .atLeastOnce else { return .sendUnacknowledged(frame) }
            return sendPublish(frame, UInt16(number + 1))
        }
        #expect(sent == expected)
    }

    @Test func `resends keep to the rate`() {
        var harness = EngineHarness.connected { $0.publishesPerSecond = 10 }
        for number in 1...3 as ClosedRange<UInt64> {
            harness.publish(message("a", .atLeastOnce), number)
            harness.pass(.seconds(1))
        }
        let first = harness.reconnect().sent.count
        #expect(first <= 1)
        var sent = first
        var turns = 0
        while sent < 3, let due = harness.engine.nextDeadline, turns < 10 {
            harness.now = due
            sent += harness.deadlineReached().sent.count
            turns += 1
        }
        #expect(sent == 3)
    }
}
