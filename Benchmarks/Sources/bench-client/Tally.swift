// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counts what several consumers take: the clock begins with the first message and stops with the last.
final class Tally: Sendable {
    private let left: Atomic<Int>
    private let total: Int
    private let measurement = Mutex<Measurement?>(nil)
    private let finished: AsyncStream<Void>
    private let finish: AsyncStream<Void>.Continuation

    init(_ total: Int) {
        self.total = total
        self.left = Atomic(total)
        (self.finished, self.finish) = AsyncStream.makeStream()
    }

    /// A consumer has taken messages.
    func took(_ count: Int) {
        let left = self.left.subtract(count, ordering: .relaxed)
        if left.oldValue == self.total { self.measurement.withLock { $0 = Measurement() } }
        if left.newValue <= 0 { self.finish.finish() }
    }

    /// Waits for the last message.
    func wait() async -> Measurement {
        for await _ in self.finished {}
        return self.measurement.withLock { $0 } ?? Measurement()
    }
}
