// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

extension Engine {
    /// Takes over what a store kept.
    ///
    /// Call before the first connection.
    package mutating func restore(_ record: SessionRecord) {
        self.session.outbound.restore(record.outbound, version: self.configuration.version)
        self.session.inbound.restore(record.inbound)
        if !record.outbound.isEmpty || !record.inbound.isEmpty { self.hasSession = true }
    }

    /// The store has kept everything up to the ticket: what waited for it goes out, in order.
    package mutating func persisted(_ ticket: Ticket, now: Instant, into effects: inout [Effect]) {
        self.session.outbound.now = now
        for item in self.session.gate.confirm(ticket) {
            self.session.outbound.confirmed(item, gate: &self.session.gate, into: &effects)
        }
        self.session.outbound.pump(gate: &self.session.gate, into: &effects)
    }

    /// The store could not keep the changes up to the ticket: messages not sent yet fail, answers are not given.
    package mutating func persistFailed(
        _ ticket: Ticket,
        message: String,
        now: Instant,
        into effects: inout [Effect]
    ) {
        self.session.outbound.now = now
        let failure = EngineFailure(.storeFailed, "the session store failed: \(message)")
        self.session.outbound.failUnsent(
            after: self.session.gate.confirmed,
            through: ticket,
            failure: failure,
            gate: &self.session.gate,
            into: &effects
        )
        var mustClose = false
        for (item, isLost) in self.session.gate.fail(ticket) {
            if case .publish = item, isLost { continue }
            // Once an answer is missing, none may follow it: they leave in the order of arrival.
            mustClose = mustClose || isLost
            if !mustClose { self.session.outbound.confirmed(item, gate: &self.session.gate, into: &effects) }
        }
        // The server repeats what we did not answer, on a connection that finds the store well again.
        if mustClose, self.isConnected {
            self.sayWhy(.implementationSpecificError, into: &effects)
            self.endLink(failure, now: now, into: &effects)
        }
        self.session.outbound.pump(gate: &self.session.gate, into: &effects)
    }
}
