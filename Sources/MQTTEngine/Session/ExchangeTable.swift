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

    /// What is known of an exchange but its message; plain bytes, so that looking at it counts no references.
    package struct Exchange: Sendable {
        package var phase: Phase
        /// How many connections ended while it was the oldest message without an acknowledgement.
        package var failures: UInt8 = 0
        /// The server said with PUBREC that nobody subscribes to the topic.
        package var hasNoSubscribers = false
        /// nil for requests that are no PUBLISH, and when nobody waits any more.
        package var operation: OperationID?
        /// The order of publishing, and the name of the message in the store.
        package var serial: UInt64
        /// The order in which PUBREC came.
        package var releaseOrder: UInt64 = 0
        /// The change of the store that has to be confirmed before the message may be sent.
        package var ticket = Ticket.none
        /// The bytes of the message; 0 when there is none.
        package internal(set) var size = 0

        package init(phase: Phase, operation: OperationID? = nil, serial: UInt64 = 0) {
            self.phase = phase
            self.operation = operation
            self.serial = serial
        }
    }

    private var ring: Deque<Exchange> = []
    /// The message of each exchange of the ring: nil for requests that are no PUBLISH, and once the server has it.
    private var frames: Deque<PublishFrame?> = []
    private var firstID = PacketID.first
    private var stragglers: [PacketID: (exchange: Exchange, frame: PublishFrame?)] = [:]
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
    package mutating func open(_ exchange: Exchange, frame: PublishFrame? = nil) -> PacketID? {
        guard self.occupied < 65_535 else { return nil }
        self.trim()
        while self.ring.count < 65_535 {
            let next = self.firstID.advanced(by: self.ring.count)
            if self.stragglers.isEmpty || self.stragglers[next] == nil {
                var exchange = exchange
                exchange.size = frame?.size ?? 0
                self.ring.append(exchange)
                self.frames.append(frame)
                self.occupied += 1
                return next
            }
            self.ring.append(Exchange(phase: .vacant))
            self.frames.append(nil)
            self.trim()
        }
        return nil
    }

    /// Keeps the message of the exchange that was just opened; moved, where a copy would count references.
    package mutating func keepLast(_ frame: consuming PublishFrame) {
        let last = self.ring.count - 1
        self.ring[last].size = frame.size
        self.frames[last] = consume frame
    }

    /// Where in the ring the exchange of an identifier is; nil when it is not there.
    private func index(of id: PacketID) -> Int? {
        let index = id.distance(from: self.firstID)
        return index < self.ring.count && self.ring[index].phase != .vacant ? index : nil
    }

    /// The exchange an identifier belongs to; nil when it is free.
    package subscript(id: PacketID) -> Exchange? {
        if let index = self.index(of: id) { return self.ring[index] }
        return self.stragglers.isEmpty ? nil : self.stragglers[id]?.exchange
    }

    /// The phase of an identifier's exchange.
    package func phase(of id: PacketID) -> Phase {
        if let index = self.index(of: id) { return self.ring[index].phase }
        return self.stragglers.isEmpty ? .vacant : self.stragglers[id]?.exchange.phase ?? .vacant
    }

    /// The message of an exchange, while it is still needed.
    package func frame(of id: PacketID) -> PublishFrame? {
        if let index = self.index(of: id) { return self.frames[index] }
        return self.stragglers.isEmpty ? nil : self.stragglers[id]?.frame
    }

    /// Changes the exchange of an identifier in place; does nothing when it is free.
    package mutating func update(_ id: PacketID, _ body: (inout Exchange) -> Void) {
        if let index = self.index(of: id) {
            body(&self.ring[index])
        } else if !self.stragglers.isEmpty, var straggler = self.stragglers[id] {
            body(&straggler.exchange)
            self.stragglers[id] = straggler
        }
    }

    /// The server has the message of an exchange: forgets it, and changes the exchange in the same step.
    package mutating func forgetFrame(of id: PacketID, _ body: (inout Exchange) -> Void) {
        if let index = self.index(of: id) {
            body(&self.ring[index])
            self.ring[index].size = 0
            self.frames[index] = nil
        } else if var straggler = self.stragglers[id] {
            body(&straggler.exchange)
            straggler.exchange.size = 0
            straggler.frame = nil
            self.stragglers[id] = straggler
        }
    }

    /// Changes every exchange in place.
    package mutating func updateAll(_ body: (inout Exchange) -> Void) {
        for index in self.ring.indices where self.ring[index].phase != .vacant { body(&self.ring[index]) }
        for id in self.stragglers.keys {
            guard var straggler = self.stragglers[id] else { continue }
            body(&straggler.exchange)
            self.stragglers[id] = straggler
        }
    }

    /// Changes the oldest exchange whose PUBLISH was sent and not acknowledged, if there is one.
    package mutating func updateOldestSent(_ body: (inout Exchange) -> Void) {
        let wasSent = { (exchange: Exchange) in exchange.phase == .awaitingPubAck || exchange.phase == .awaitingPubRec }
        let old = self.stragglers.filter { wasSent($0.value.exchange) }
        if let id = old.min(by: { $0.value.exchange.serial < $1.value.exchange.serial })?.key {
            self.update(id, body)
        } else if let index = self.ring.firstIndex(where: wasSent) {
            body(&self.ring[index])
        }
    }

    /// Ends the exchange and frees its identifier; gives what it was.
    package mutating func close(_ id: PacketID) -> Exchange? {
        if let index = self.index(of: id) {
            let ended = self.ring[index]
            self.occupied -= 1
            if index == 0 {
                self.dropHead()
                self.dropVacantHead()
            } else {
                self.ring[index] = Exchange(phase: .vacant)
                self.frames[index] = nil
            }
            return ended
        }
        guard !self.stragglers.isEmpty, let straggler = self.stragglers.removeValue(forKey: id) else { return nil }
        self.occupied -= 1
        return straggler.exchange
    }

    /// Every identifier in use with its exchange, in the order of publishing.
    package var inOrder: [(id: PacketID, exchange: Exchange)] {
        var result = self.stragglers.map { (id: $0.key, exchange: $0.value.exchange) }.sorted {
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
        self.frames.removeAll()
        self.stragglers.removeAll()
        self.firstID = .first
        self.occupied = 0
    }

    /// Takes over an exchange of an earlier process under its own identifier.
    ///
    /// Call in ascending order of serial.
    package mutating func restore(_ exchange: Exchange, frame: PublishFrame?, id: PacketID) {
        guard self.phase(of: id) == .vacant else { return }
        var exchange = exchange
        exchange.size = frame?.size ?? 0
        self.stragglers[id] = (exchange, frame)
        self.occupied += 1
    }

    private mutating func dropHead() {
        self.ring.removeFirst()
        self.frames.removeFirst()
        self.firstID = self.firstID.next
    }

    private mutating func dropVacantHead() {
        while let head = self.ring.first, head.phase == .vacant { self.dropHead() }
    }

    /// Moves a head that stays behind out of the way.
    private mutating func trim() {
        while self.ring.count >= Self.ringLimit {
            if let head = self.ring.first, head.phase != .vacant {
                self.stragglers[self.firstID] = (head, self.frames.first ?? nil)
            }
            self.dropHead()
            self.dropVacantHead()
        }
    }
}
