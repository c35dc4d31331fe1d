// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import Synchronization

/// What is done at a later time apart from the engine: the ends of requests, above all.
///
/// One alarm of the world stands for all of them. Most are taken back before they are due, and an alarm that finds nothing
/// to do only sets the next one: a stream of requests with one timeout costs one alarm for each time that passes.
struct Timers {
    typealias Action = @Sendable (Link) -> Void

    private struct Timer {
        var instant: Instant
        var action: Action
    }

    private var timers: [UInt64: Timer] = [:]
    private var last: UInt64 = 0
    private var alarm: Instant?

    /// How many are not yet due.
    var count: Int { self.timers.count }

    /// Notes what to do at an instant; gives its number, and the alarm to set if there is one.
    mutating func add(at instant: Instant, _ action: @escaping Action) -> (number: UInt64, alarm: Instant?) {
        self.last += 1
        self.timers[self.last] = Timer(instant: instant, action: action)
        if let alarm = self.alarm, alarm <= instant { return (self.last, nil) }
        self.alarm = instant
        return (self.last, instant)
    }

    /// Takes one back; harmless when it was due.
    mutating func remove(_ number: UInt64) { self.timers[number] = nil }

    /// Takes what is due, oldest first, and the alarm to set for the rest.
    mutating func takeDue(now: Instant) -> (due: [Action], alarm: Instant?) {
        guard let alarm = self.alarm, alarm <= now else { return ([], nil) }
        let due = self.timers.filter { $0.value.instant <= now }
        for number in due.keys { self.timers[number] = nil }
        self.alarm = self.timers.values.map(\.instant).min()
        let inOrder = due.sorted { ($0.value.instant, $0.key) < ($1.value.instant, $1.key) }
        return (inOrder.map(\.value.action), self.alarm)
    }
}

extension Link {
    /// Does something on the event loop at an instant, or a little later; gives the number to take it back by.
    func schedule(at instant: Instant, _ action: @escaping Timers.Action) -> UInt64 {
        let (number, alarm) = self.timers.withLock { $0.add(at: instant, action) }
        if let alarm { self.world.setAlarm(at: alarm, for: self) }
        return number
    }

    /// Takes back what was to be done.
    func unschedule(_ number: UInt64) { self.timers.withLock { $0.remove(number) } }

    /// Does what is due; harmless at any time.
    func ringTimers() {
        let now = self.world.now
        let (due, alarm) = self.timers.withLock { $0.takeDue(now: now) }
        if let alarm { self.world.setAlarm(at: alarm, for: self) }
        for action in due { action(self) }
    }
}
