// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Sends a PINGREQ when one direction has been silent for the keep-alive, and knows when the peer is gone.
///
/// The standard asks for the sending side only (MQTT 5.0, 3.1.2.10). Watching the receiving side too finds a half-open
/// link under a client that only publishes at QoS 0. Any byte that arrives counts as life.
package struct KeepAlive: Sendable {
    package enum Action: Equatable { case none, sendPing, declarePeerLost }

    private struct Ping {
        var operation: OperationID?
        var sentAt: Instant
    }

    /// nil when the keep-alive is 0: then only the user's own pings are sent and watched.
    private let interval: Duration?
    private let grace: Duration
    private var lastSent: Instant
    private var lastReceived: Instant
    private var pings: Deque<Ping> = []

    /// Starts watching a connection.
    ///
    /// An interval of 0 seconds switches the automatic ping off.
    package init(seconds: UInt16, grace: Duration, now: Instant) {
        if seconds == 0 {
            self.interval = nil
        } else {
            // Early by a tenth, at most a second: a ping that leaves on the dot arrives late.
            let full = Duration.seconds(Int64(seconds))
            self.interval = full - min(full / 10, .seconds(1))
        }
        self.grace = grace
        self.lastSent = now
        self.lastReceived = now
    }

    /// Whether a PINGRESP is due.
    package var isAwaitingPong: Bool { !self.pings.isEmpty }

    /// Bytes went out.
    package mutating func sent(now: Instant) { self.lastSent = max(self.lastSent, now) }

    /// Bytes came in.
    package mutating func received(now: Instant) { self.lastReceived = max(self.lastReceived, now) }

    /// A PINGREQ is being sent; the user's if it has an operation.
    package mutating func pingSent(operation: OperationID?, now: Instant) {
        self.pings.append(Ping(operation: operation, sentAt: now))
        self.lastSent = max(self.lastSent, now)
    }

    /// A PINGRESP came: it answers the oldest PINGREQ, so a late one never answers the wrong call.
    package mutating func pongReceived(now: Instant) -> (operation: OperationID, roundTrip: Duration)? {
        guard let ping = self.pings.popFirst(), let operation = ping.operation else { return nil }
        return (operation, now.since(ping.sentAt))
    }

    /// The user's pings that will never be answered.
    package mutating func abandonPings() -> [OperationID] {
        defer { self.pings.removeAll() }
        return self.pings.compactMap(\.operation)
    }

    /// When ``deadlineReached(now:)`` must be called next, if ever.
    package var nextDeadline: Instant? {
        guard let pong = self.pongDeadline else {
            return self.interval.map { min(self.lastSent, self.lastReceived).advanced(by: $0) }
        }
        // While much else arrives before the pong, the server still has to hear from us (MQTT-3.1.2-20).
        return self.interval.map { min(pong, self.lastSent.advanced(by: $0)) } ?? pong
    }

    /// When the oldest PINGREQ counts as unanswered: bytes that arrive put it off.
    private var pongDeadline: Instant? {
        self.pings.first.map { max($0.sentAt, self.lastReceived).advanced(by: self.grace) }
    }

    package mutating func deadlineReached(now: Instant) -> Action {
        guard let due = self.nextDeadline, now >= due else { return .none }
        if let pong = self.pongDeadline, now >= pong { return .declarePeerLost }
        self.pingSent(operation: nil, now: now)
        return .sendPing
    }
}
