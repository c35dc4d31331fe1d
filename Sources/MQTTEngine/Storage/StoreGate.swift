// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
package import MQTTWire

/// Holds packets back until the store has confirmed what they depend on, in order.
///
/// Without a store every method is a pass-through that costs a branch.
package struct StoreGate: Sendable {
    package enum Held: Sendable {
        /// The first PUBLISH of an exchange.
        case publish(PacketID)
        /// The PUBREL of an exchange.
        case release(PacketID)
        /// An answer on this connection.
        case answer(Answer)
    }

    package let isDurable: Bool
    private var issued: UInt64 = 0
    package private(set) var confirmed = Ticket.none
    /// `ticket` keeps the order; `needs` is what the item itself depends on.
    private var held: Deque<(ticket: Ticket, needs: Ticket, item: Held)> = []

    package init(isDurable: Bool) { self.isDurable = isDurable }

    /// Whether everything up to the ticket is kept.
    package func isConfirmed(_ ticket: Ticket) -> Bool { ticket <= self.confirmed }

    /// Asks the store to keep a change.
    ///
    /// `Ticket.none`, at once, when there is no store.
    package mutating func persist(_ change: @autoclosure () -> StoreChange, into effects: inout [Effect]) -> Ticket {
        guard self.isDurable else { return .none }
        self.issued &+= 1
        effects.append(.persist(change(), Ticket(self.issued)))
        return Ticket(self.issued)
    }

    /// Sends an answer when the ticket is confirmed.
    package mutating func send(_ answer: Answer, after ticket: Ticket, into effects: inout [Effect]) {
        if self.isConfirmed(ticket), self.held.isEmpty {
            effects.append(.answer(answer))
        } else {
            self.held.append((max(ticket, self.held.last?.ticket ?? .none), ticket, .answer(answer)))
        }
    }

    /// Remembers what may go on when the ticket is confirmed.
    package mutating func hold(_ item: Held, until ticket: Ticket) {
        self.held.append((max(ticket, self.held.last?.ticket ?? .none), ticket, item))
    }

    /// The store has kept everything up to the ticket: gives what may go on.
    package mutating func confirm(_ ticket: Ticket) -> [Held] { self.settle(ticket).map(\.item) }

    /// The store could not keep what lies behind the last confirmed ticket, up to this one: gives what waited, and
    /// whether it depended on that or only kept its place in the order.
    package mutating func fail(_ ticket: Ticket) -> [(item: Held, isLost: Bool)] {
        let kept = self.confirmed
        return self.settle(ticket).map { ($0.item, $0.needs > kept) }
    }

    private mutating func settle(_ ticket: Ticket) -> [(needs: Ticket, item: Held)] {
        self.confirmed = max(self.confirmed, min(ticket, Ticket(self.issued)))
        var settled: [(needs: Ticket, item: Held)] = []
        while let first = self.held.first, first.ticket <= self.confirmed {
            settled.append((first.needs, first.item))
            self.held.removeFirst()
        }
        return settled
    }

    /// The link ended: answers belong to it alone.
    package mutating func linkLost() {
        self.held.removeAll { if case .answer = $0.item { true } else { false } }
    }

    /// The session is gone: what is held goes another way.
    package mutating func forgetHeld() { self.held.removeAll() }
}
