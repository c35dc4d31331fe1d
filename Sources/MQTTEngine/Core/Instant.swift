// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A point of monotonic time, given to the engine by whoever drives it.
package struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since some fixed point.
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The instant `duration` later, held at the end of time instead of overflowing.
    package func advanced(by duration: Duration) -> Instant {
        let (sum, overflow) = self.nanoseconds.addingReportingOverflow(duration.clampedNanoseconds)
        guard !overflow else { return Instant(nanoseconds: duration < .zero ? .min : .max) }
        return Instant(nanoseconds: sum)
    }

    /// How long ago `earlier` was.
    package func since(_ earlier: Instant) -> Duration {
        let (difference, overflow) = self.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
        guard overflow else { return .nanoseconds(difference) }
        return .nanoseconds(self < earlier ? Int64.min : Int64.max)
    }
}

extension Duration {
    /// The duration in nanoseconds, held at the ends of Int64: about 292 years.
    package var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, over) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return over ? (seconds < 0 ? .min : .max) : sum
    }
}
