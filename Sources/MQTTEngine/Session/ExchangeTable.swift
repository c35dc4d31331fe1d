// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
package import MQTTWire

/// The packet identifiers of a session and the QoS 1 and 2 messages on their way to the server, in the order of
/// publishing.
///
/// Identifiers count up, so the exchange of an identifier is found by its distance from the oldest one. An exchange
/// that stays behind for long moves to a dictionary, so that the ring stays short and its identifier is still not used
/// again.
package struct ExchangeTable: Sendable {
    package enum Phase: UInt8, Sendable {
        /// The identifier is free again.
        case vacant
        /// The identifier belongs to a SUBSCRIBE or UNSUBSCRIBE.
        case otherRequest
        /// Has an identifier; waits for the store before it is sent for the first time.
        case held
        /// May be sent for the first time.
        case ready
        /// Was sent on an earlier connection and not acknowledged: to be sent again with DUP.
        case unsent
        case awaitingPubAck
        case awaitingPubRec
        /// PUBREC has come; PUBREL waits for the store.
        case releaseHeld
        /// PUBREC has come; PUBREL is to be sent on this connection or the next.
        case releaseReady
        case awaitingPubComp
    }

    package struct Exchange: Sendable {
        package var phase: Phase
        /// nil for requests that are no PUBLISH, and once the server has the message.
        package var frame: PublishFrame?
        package var operation: OperationID?
        /// The order of publishing, and the name of the message in the store.
        package var serial: UInt64
        /// The order in which PUBREC came.
        package var releaseOrder: UInt64 = 0
        /// The change of the store that has to be confirmed before the message may be sent.
        package var ticket = Ticket.none
    }

    private var ring: Deque<Exchange> = []
    private var firstID = PacketID.first
    private var stragglers: [PacketID: Exchange] = [:]
    /// Exchanges that hold an identifier, of PUBLISH or not.
    private var occupied = 0

    /// How far the ring may grow past an exchange that does not end.
    private static let ringLimit = 4_096

    package init() {}

    /// Whether no identifier is in use.
    package var isEmpty: Bool { self.occupied == 0 }

    /// How many identifiers are in use.
    package var count: Int { self.occupied }

    /// Takes the next free identifier, counting up; nil when all 65,535 are in use.
    package mutating func open(_ exchange: Exchange) -> PacketID? {
        guard self.occupied < 65_535 else { return nil }
        self.trim()
        while self.ring.count < 65_535 {
            let next = self.firstID.advanced(by: self.ring.count)
            if self.stragglers.isEmpty || self.stragglers[next] == nil {
                self.ring.append(exchange)
                self.occupied += 1
                return next
            }
            self.ring.append(Exchange(phase: .vacant, frame: nil, operation: nil, serial: 0))
            self.trim()
        }
        return nil
    }

    /// The exchange an identifier belongs to; nil when it is free.
    package subscript(id: PacketID) -> Exchange? {
        let index = id.distance(from: self.firstID)
        if index < self.ring.count, self.ring[index].phase != .vacant { return self.ring[index] }
        return self.stragglers.isEmpty ? nil : self.stragglers[id]
    }

    /// The phase of an identifier's exchange, without a copy of the exchange.
    package func phase(of id: PacketID) -> Phase {
        let index = id.distance(from: self.firstID)
        if index < self.ring.count, self.ring[index].phase != .vacant { return self.ring[index].phase }
        return self.stragglers.isEmpty ? .vacant : self.stragglers[id]?.phase ?? .vacant
    }

    /// Changes the exchange of an identifier in place; does nothing when it is free.
    package mutating func update(_ id: PacketID, _ body: (inout Exchange) -> Void) {
        let index = id.distance(from: self.firstID)
        if index < self.ring.count, self.ring[index].phase != .vacant {
            body(&self.ring[index])
        } else if var exchange = self.stragglers[id] {
            body(&exchange)
            self.stragglers[id] = exchange
        }
    }

    /// Changes every exchange in place.
    package mutating func updateAll(_ body: (inout Exchange) -> Void) {
        for index in self.ring.indices where self.ring[index].phase != .vacant { body(&self.ring[index]) }
        for id in self.stragglers.keys {
            guard var exchange = self.stragglers[id] else { continue }
            body(&exchange)
            self.stragglers[id] = exchange
        }
    }

    /// Ends the exchange and frees its identifier.
    package mutating func close(_ id: PacketID) -> (operation: OperationID?, serial: UInt64, size: Int)? {
        let index = id.distance(from: self.firstID)
        if index < self.ring.count, self.ring[index].phase != .vacant {
            let ended = (self.ring[index].operation, self.ring[index].serial, self.ring[index].frame?.size ?? 0)
            self.ring[index].phase = .vacant
            self.ring[index].frame = nil
            self.occupied -= 1
            if index == 0 { self.dropVacantHead() }
            return ended
        }
        guard let exchange = self.stragglers.removeValue(forKey: id) else { return nil }
        self.occupied -= 1
        return (exchange.operation, exchange.serial, exchange.frame?.size ?? 0)
    }

    /// Every identifier in use with its exchange, in the order of publishing.
    package var inOrder: [(id: PacketID, exchange: Exchange)] {
        var result = self.stragglers.map { (id: $0.key, exchange: $0.value) }.sorted {
            $0.exchange.serial < $1.exchange.serial
        }
        for (offset, exchange) in self.ring.enumerated() where exchange.phase != .vacant {
            result.append((self.firstID.advanced(by: offset), exchange))
        }
        return result
    }

    /// Forgets everything: the next identifier is 1.
    package mutating func removeAll() {
        self.ring.removeAll()
        self.stragglers.removeAll()
        self.firstID = .first
        self.occupied = 0
    }

    /// Takes over an exchange of an earlier process under its own identifier.
    ///
    /// Call in ascending order of serial.
    package mutating func restore(_ exchange: Exchange, id: PacketID) {
        guard self.phase(of: id) == .vacant else { return }
        self.stragglers[id] = exchange
        self.occupied += 1
    }

    private mutating func dropVacantHead() {
        while let head = self.ring.first, head.phase == .vacant {
            self.ring.removeFirst()
            self.firstID = self.firstID.next
        }
    }

    /// Moves a head that stays behind out of the way.
    private mutating func trim() {
        while self.ring.count >= Self.ringLimit {
            if let head = self.ring.popFirst(), head.phase != .vacant { self.stragglers[self.firstID] = head }
            self.firstID = self.firstID.next
            self.dropVacantHead()
        }
    }
}
