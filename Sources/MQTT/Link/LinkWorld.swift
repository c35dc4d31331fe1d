// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTEngine
package import MQTTTransport

/// What a link needs from the world around it: time, a wake-up, and new channels.
///
/// Everything here may be called from any thread, never under the link's lock.
package protocol LinkWorld: Sendable {
    /// Monotonic time.
    var now: Instant { get }

    /// Has ``Link/flush()`` called soon on the event loop.
    func wake(_ link: Link)

    /// Has ``Link/flush()`` called on the event loop after a pause of microseconds, so that more can gather.
    func wake(_ link: Link, after pause: Duration)

    /// Has ``Link/alarmRang()`` called on the event loop at the instant, or a little later.
    ///
    /// A later call does not have to cancel an earlier one: an alarm that is not the latest one finds nothing to do.
    func setAlarm(at instant: Instant, for link: Link)

    /// The endpoint with a number, or the server it has named; nil where there are none.
    func endpoint(_ number: Int, server: ServerReference?) -> Endpoint?

    /// Opens a channel with ``Link/makeHandler(attempt:)`` at its end, and answers on its event loop with
    /// ``Link/opened(_:credentials:attempt:)`` or ``Link/openFailed(_:attempt:)``.
    func dial(for link: Link, attempt: UInt64)
}

extension LinkWorld {
    /// Does not wait.
    package func wake(_ link: Link, after pause: Duration) { self.wake(link) }

    /// There are none.
    package func endpoint(_ number: Int, server: ServerReference?) -> Endpoint? { nil }
}
