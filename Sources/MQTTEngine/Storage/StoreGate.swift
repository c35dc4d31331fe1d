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
        case answer(Packet)
    }

    package let isDurable: Bool
    private var issued: UInt64 = 0
    package private(set) var confirmed = Ticket.none
    private var held: Deque<(ticket: Ticket, item: Held)> = []

    package init(isDurable: Bool) { self.isDurable = isDurable }

    /// Whether everything up to the ticket is kept.
    package func isConfirmed(_ ticket: Ticket) -> Bool { ticket <= self.confirmed }

    /// Asks the store to keep a change. `Ticket.none`, at once, when there is no store.
    package mutating func persist(_ change: @autoclosure () -> StoreChange, into effects: inout [Effect]) -> Ticket {
        guard self.isDurable else { return .none }
        self.issued += 1
        effects.append(.persist(change(), Ticket(self.issued)))
        return Ticket(self.issued)
    }

    /// Sends an answer when the ticket is confirmed.
    package mutating func send(_ packet: Packet, after ticket: Ticket, into effects: inout [Effect]) {
        if self.isConfirmed(ticket), self.held.isEmpty {
            effects.append(.send(packet))
        } else {
            self.held.append((max(ticket, self.held.last?.ticket ?? .none), .answer(packet)))
        }
    }

    /// Remembers what may go on when the ticket is confirmed.
    package mutating func hold(_ item: Held, until ticket: Ticket) { self.held.append((ticket, item)) }

    /// The store has kept everything up to the ticket: gives what may go on.
    package mutating func confirm(_ ticket: Ticket) -> [Held] {
        self.confirmed = max(self.confirmed, ticket)
        var released: [Held] = []
        while let first = self.held.first, first.ticket <= self.confirmed {
            released.append(first.item)
            self.held.removeFirst()
        }
        return released
    }

    /// The link ended: answers belong to it alone.
    package mutating func linkLost() {
        self.held.removeAll { if case .answer = $0.item { true } else { false } }
    }

    /// The session is gone: what is held goes another way.
    package mutating func forgetHeld() { self.held.removeAll() }
}
