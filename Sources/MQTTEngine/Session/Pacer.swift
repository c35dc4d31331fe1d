// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Spreads messages out, so that a server with a bound of messages in a second never sees more.
///
/// A tenth of the bound may go at once; the rest of it follows at even intervals, so that no second has more than the bound.
package struct Pacer: Sendable {
    private let interval: Int64
    /// How far ahead of its time a message may go.
    private let slack: Int64
    /// When the next message is due if all go at the interval.
    private var due = Instant(nanoseconds: .min)

    /// Allows so many messages in a second, at least one.
    package init(perSecond count: Int) {
        let count = Int64(max(1, min(count, 1_000_000_000)))
        let atOnce = count / 10
        // Rounded up: never more than the bound.
        self.interval = (1_000_000_000 + count - atOnce - 1) / (count - atOnce)
        self.slack = self.interval * max(0, atOnce - 1)
    }

    /// Takes the turn of one message; false while it is too early.
    package mutating func take(now: Instant) -> Bool {
        guard now >= self.next else { return false }
        self.due = max(self.due, now).advanced(by: .nanoseconds(self.interval))
        return true
    }

    /// When a message may go.
    package var next: Instant { self.due.advanced(by: .nanoseconds(-self.slack)) }
}
