// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import MQTTWire

/// Messages that have to be sent by a certain time, or not before one.
extension OutboundPublishes {
    /// When ``deadlineReached(now:gate:into:)`` must be called next, if ever.
    package var nextDeadline: Instant? {
        guard let end = self.queueEnd, let turn = self.turn else { return self.queueEnd ?? self.turn }
        return min(end, turn)
    }

    /// Time has passed; harmless when nothing is due.
    package mutating func deadlineReached(now: Instant, gate: inout StoreGate, into effects: inout [Effect]) {
        self.now = max(self.now, now)
        if let end = self.queueEnd, now >= end { self.takeBack(gate: &gate, into: &effects) }
        if let turn = self.turn, now >= turn { self.turn = nil }
        self.pump(gate: &gate, into: &effects)
    }

    /// By when a message has to be sent that waits from now on (MQTT 5.0, 3.3.2.3.3).
    func term(of frame: PublishFrame, patience: Duration?, now: () -> Instant) -> Term {
        let interval = frame.message.properties.isEmpty ? nil : frame.message.properties.messageExpiryInterval
        guard patience != nil || interval != nil else { return .none }
        let now = now()
        return .ends(
            patience: patience.map { now.advanced(by: $0) },
            expiry: interval.map { now.advanced(by: .seconds(Int64($0))) }
        )
    }

    /// Takes the waiting time off the expiry of a message that is about to be sent for the first time; the failure when
    /// nothing of it is left, or its caller waits no more.
    func shorten(_ queued: inout Queued) -> EngineFailure? {
        guard let end = queued.term.end else { return nil }
        guard end > self.now else { return self.overdue(queued) }
        guard let expiry = queued.term.expiry else { return nil }
        let (seconds, attoseconds) = expiry.since(self.now).components
        queued.frame.shortenExpiry(to: UInt32(clamping: attoseconds > 0 ? seconds + 1 : seconds))
        return nil
    }

    private func overdue(_ queued: Queued) -> EngineFailure {
        if let expiry = queued.term.expiry, expiry <= self.now {
            return EngineFailure(.expired, "the message expired before it could be sent")
        }
        return EngineFailure(
            .timedOut,
            "the message could not be sent in the time its caller gave it; nothing was sent"
        )
    }

    /// Ends the messages of the queue whose time is over.
    private mutating func takeBack(gate: inout StoreGate, into effects: inout [Effect]) {
        var kept = self.queue
        kept.removeAll()
        var next: Instant?
        while let queued = self.queue.popFirst() {
            guard let end = queued.term.end else {
                kept.append(queued)
                continue
            }
            if end <= self.now {
                self.refuse(queued, self.overdue(queued), gate: &gate, into: &effects)
            } else {
                next = next.map { min($0, end) } ?? end
                kept.append(queued)
            }
        }
        self.queue = kept
        // A long queue is not gone through for each of its messages.
        let pause = Duration.milliseconds(self.queue.count > 1_000 ? 100 : 0)
        self.queueEnd = next.map { max($0, self.now.advanced(by: pause)) }
    }

    /// Takes the turn of one message; if it has to wait, notes until when.
    mutating func takesTurn() -> Bool {
        let now = self.now
        return self.takesTurn { now }
    }

    /// Takes the turn of one message; if it has to wait, notes until when.
    @inline(__always)
    mutating func takesTurn(_ now: () -> Instant) -> Bool {
        guard self.pacer != nil else { return true }
        return self.takesPacedTurn(now())
    }

    private mutating func takesPacedTurn(_ now: Instant) -> Bool {
        self.now = max(self.now, now)
        if self.pacer?.take(now: self.now) == true { return true }
        self.turn = self.pacer?.next
        return false
    }
}
