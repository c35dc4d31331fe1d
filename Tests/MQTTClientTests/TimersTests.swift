// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import Testing

@testable import MQTT

@Suite struct TimersTests {
    private static func at(_ seconds: Int) -> Instant {
        Instant(nanoseconds: 0).advanced(by: .seconds(seconds))
    }

    @Test func `an alarm is set for the earliest only`() {
        var timers = Timers()
        #expect(timers.add(at: Self.at(30)) { _ in }.alarm == Self.at(30))
        #expect(timers.add(at: Self.at(40)) { _ in }.alarm == nil)
        #expect(timers.add(at: Self.at(30)) { _ in }.alarm == nil)
        #expect(timers.add(at: Self.at(10)) { _ in }.alarm == Self.at(10))
        var (due, alarm) = timers.takeDue(now: Self.at(10))
        #expect(due.count == 1 && alarm == Self.at(30))
        // The alarm that was set first rings as well.
        (due, alarm) = timers.takeDue(now: Self.at(29))
        #expect(due.isEmpty && alarm == nil)
        (due, alarm) = timers.takeDue(now: Self.at(50))
        #expect(due.count == 3 && alarm == nil && timers.count == 0)
    }

    @Test func `what was taken back is not done, and its alarm sets the next one`() {
        var timers = Timers()
        let first = timers.add(at: Self.at(1)) { _ in }
        _ = timers.add(at: Self.at(2)) { _ in }
        timers.remove(first.number)
        timers.remove(first.number)
        let (due, alarm) = timers.takeDue(now: Self.at(1))
        #expect(due.isEmpty && alarm == Self.at(2))
    }

    @Test func `a stream of timers that are taken back in time costs one alarm for each of their spans`() {
        var timers = Timers()
        var alarms = 0
        var alarm: Instant?
        for second in 0..<3_000 {
            if let due = alarm, due <= Self.at(second) {
                alarm = timers.takeDue(now: Self.at(second)).alarm
                if alarm != nil { alarms += 1 }
            }
            let added = timers.add(at: Self.at(second + 30)) { _ in }
            if let new = added.alarm {
                alarm = new
                alarms += 1
            }
            timers.remove(added.number)
        }
        #expect(alarms <= 3_000 / 30 + 1)
    }
}
