// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A clock that moves when it is told to.
///
/// The clients of a ``VirtualNetwork`` live by it; code of your own that takes `any Clock<Duration>` can live by the same one:
///
/// ```swift
/// let network = VirtualNetwork()
/// let thermostat = Thermostat(client: network.makeClient(), clock: network.clock)
/// await network.advance(by: .seconds(60))
/// ```
///
/// Time stops at every instant somebody waits for. A task woken from ``sleep(until:tolerance:)`` runs on a thread of its own:
/// to see it asleep again before time goes on, wait for ``sleeperCount`` between two steps.
public final class VirtualClock: Clock {
    /// A moment of a virtual clock.
    public struct Instant: InstantProtocol {
        /// How long after the clock was made.
        public let sinceStart: Duration

        init(sinceStart: Duration) { self.sinceStart = sinceStart }

        /// The moment a duration later.
        public func advanced(by duration: Duration) -> Instant { Instant(sinceStart: self.sinceStart + duration) }

        /// How long it is until another moment.
        public func duration(to other: Instant) -> Duration { other.sinceStart - self.sinceStart }

        /// Orders by time.
        public static func < (left: Instant, right: Instant) -> Bool { left.sinceStart < right.sinceStart }
    }

    private struct Alarm {
        var instant: Instant
        var isSleeper: Bool
        var ring: @Sendable () async -> Void
    }

    private struct State {
        var now = Instant(sinceStart: .zero)
        var lastNumber: UInt64 = 0
        var alarms: [UInt64: Alarm] = [:]

        mutating func add(_ alarm: Alarm) -> UInt64 {
            self.lastNumber += 1
            self.alarms[self.lastNumber] = alarm
            return self.lastNumber
        }
    }

    private let state = Mutex(State())

    /// Makes a clock that stands still.
    public init() {}

    /// The time it shows.
    public var now: Instant { self.state.withLock { $0.now } }

    /// A nanosecond.
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// How many tasks are in ``sleep(until:tolerance:)``.
    public var sleeperCount: Int { self.state.withLock { $0.alarms.values.count(where: \.isSleeper) } }

    /// Sleeps until the clock has been moved so far.
    ///
    /// - Throws: `CancellationError`.
    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        try Task.checkCancellation()
        let gate = Inbox<Void>()
        let number: UInt64? = self.state.withLock { state in
            guard state.now < deadline else { return nil }
            return state.add(Alarm(instant: deadline, isSleeper: true) { gate.close() })
        }
        guard let number else { return }
        defer { self.cancel(number) }
        _ = try await gate.next()
    }

    /// Moves the time, and does what is due on the way, the earliest first.
    ///
    /// Returns when all of it was done; tasks that slept have been woken.
    public func advance(by duration: Duration) async { await self.advance(to: self.now.advanced(by: duration)) }

    /// Moves the time to a moment; not backwards.
    public func advance(to end: Instant) async {
        while let alarm = self.takeAlarm(until: end) {
            await alarm.ring()
            // Whoever was woken gets a chance to run before time goes on.
            if alarm.isSleeper { for _ in 0..<100 { await Task.yield() } }
        }
        self.state.withLock { $0.now = max($0.now, end) }
    }

    /// Has something done when the time has come; gives the number to take it back by.
    func schedule(at instant: Instant, _ ring: @escaping @Sendable () async -> Void) -> UInt64 {
        self.state.withLock { $0.add(Alarm(instant: instant, isSleeper: false, ring: ring)) }
    }

    /// Takes back what was to be done; harmless when it was.
    func cancel(_ number: UInt64) { self.state.withLock { $0.alarms[number] = nil } }

    private func takeAlarm(until end: Instant) -> Alarm? {
        self.state.withLock { state in
            let due = state.alarms.filter { $0.value.instant <= end }
            guard let first = due.min(by: { ($0.value.instant, $0.key) < ($1.value.instant, $1.key) }) else {
                return nil
            }
            state.alarms[first.key] = nil
            state.now = max(state.now, first.value.instant)
            return first.value
        }
    }
}
