// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTTestKit
import Synchronization
import Testing

/// Time that moves when it is told to.
@Suite(.timeLimit(.minutes(2)))
struct VirtualClockTests {
    @Test func `sleepers wake in the order of their time, each at its own`() async throws {
        let clock = VirtualClock()
        let woken = Woken()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for seconds in [30, 10, 20] {
                group.addTask {
                    try await clock.sleep(for: .seconds(seconds))
                    woken.add(.seconds(seconds))
                }
            }
            try await eventually("the sleepers sleep", is: 3) { clock.sleeperCount }
            await clock.advance(by: .seconds(9))
            #expect(clock.sleeperCount == 3)
            await clock.advance(by: .seconds(1))
            try await eventually("the first one is awake", is: [.seconds(10)]) { woken.all }
            await clock.advance(by: .seconds(100))
            try await group.waitForAll()
        }
        #expect(Set(woken.all) == [.seconds(10), .seconds(20), .seconds(30)])
        #expect(clock.now.sinceStart == .seconds(110))
    }

    @Test func `a sleeper that is cancelled wakes at once and is forgotten`() async throws {
        let clock = VirtualClock()
        let task = Task { try await clock.sleep(for: .seconds(10)) }
        try await eventually("the sleeper sleeps", is: 1) { clock.sleeperCount }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(clock.sleeperCount == 0)
    }

    @Test func `a time that has passed is not slept for, and the clock does not go back`() async throws {
        let clock = VirtualClock()
        await clock.advance(by: .seconds(10))
        try await clock.sleep(until: clock.now)
        try await clock.sleep(for: .seconds(-1))
        await clock.advance(by: .seconds(-5))
        #expect(clock.now.sinceStart == .seconds(10))
    }

    @Test func `a loop of the user's code ticks with the clock`() async throws {
        let clock = VirtualClock()
        let ticks = Count()
        let task = Task {
            while true {
                try await clock.sleep(for: .seconds(60))
                ticks.add()
            }
        }
        for number in 1...10 {
            try await eventually("the loop sleeps", is: 1) { clock.sleeperCount }
            await clock.advance(by: .seconds(60))
            try await eventually("the ticks", is: number) { ticks.number }
        }
        task.cancel()
    }
}

/// Who woke, in that order.
private final class Woken: Sendable {
    private let durations = Mutex<[Duration]>([])

    var all: [Duration] { self.durations.withLock { $0 } }

    func add(_ duration: Duration) { self.durations.withLock { $0.append(duration) } }
}
