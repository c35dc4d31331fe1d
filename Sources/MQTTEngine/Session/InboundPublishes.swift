// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
package import MQTTWire

/// The receiving half of QoS 1 and 2 (MQTT 5.0, 4.3, 4.6, 4.9).
///
/// A QoS 2 message is delivered when its PUBLISH comes; acknowledging it means PUBREC; its identifier is kept until
/// PUBREL. Acknowledgements leave in the order of arrival, whatever order the application finishes in.
package struct InboundPublishes: Sendable {
    package enum Arrival: Equatable {
        /// Deliver it; acknowledge with the token.
        case new(DeliveryToken)
        /// It was delivered before.
        case duplicate
        /// The server sent more than we allowed.
        case overReceiveMaximum
    }

    private struct Waiting {
        var id: PacketID
        var qos: QoS
        /// How many subscriptions have not acknowledged it yet.
        var remaining: Int
        var reason = ReasonCode.success
    }

    private struct Kept {
        /// The serial of the delivery, and of the latest repetition on this connection.
        var serial: UInt64
        var repetition: UInt64?
        /// The application has acknowledged it.
        var isHandled = false
        /// It counts against our receive maximum on this connection.
        var isCounted: Bool
        var remaining: Int
        /// What the application said; success until then.
        var reason = ReasonCode.success
    }

    /// Arrived on this connection and not yet acknowledged, oldest first.
    private var waiting: Deque<Waiting> = []
    /// The serial of the first of ``waiting``.
    private var firstSerial: UInt64 = 1
    /// QoS 2 messages between PUBLISH and PUBREL: part of the session.
    private var kept: [PacketID: Kept] = [:]
    /// What counts against our receive maximum.
    private var inFlight = 0
    private let receiveMaximum: Int

    package init(receiveMaximum: Int) { self.receiveMaximum = receiveMaximum }

    /// Messages the application has not acknowledged on this connection.
    package var unacknowledgedCount: Int { self.waiting.count }

    /// A QoS 1 or 2 PUBLISH came, wanted by so many subscriptions that acknowledge later.
    package mutating func received(
        id: PacketID,
        qos: QoS,
        acknowledgers: Int,
        gate: inout StoreGate,
        into effects: inout [Effect]
    ) -> Arrival {
        if qos == .exactlyOnce, self.kept[id] != nil {
            self.repeated(id, gate: &gate, into: &effects)
            return .duplicate
        }
        guard self.inFlight < self.receiveMaximum else { return .overReceiveMaximum }
        self.inFlight += 1
        let serial = self.firstSerial &+ UInt64(self.waiting.count)
        if qos == .exactlyOnce {
            self.kept[id] = Kept(serial: serial, isCounted: true, remaining: acknowledgers)
            if acknowledgers == 0 { self.kept[id]?.isHandled = true }
        }
        self.waiting.append(Waiting(id: id, qos: qos, remaining: acknowledgers))
        if acknowledgers == 0 { self.drain(gate: &gate, into: &effects) }
        return .new(DeliveryToken(serial: serial, packetID: id, qos: qos))
    }

    /// One subscription is done with the message; each says so once.
    ///
    /// Harmless after the connection it came on.
    package mutating func acknowledge(
        _ token: DeliveryToken,
        reason: ReasonCode,
        gate: inout StoreGate,
        into effects: inout [Effect]
    ) {
        if token.qos == .exactlyOnce, var kept = self.kept[token.packetID], kept.serial == token.serial {
            kept.remaining = max(0, kept.remaining - 1)
            kept.isHandled = kept.remaining <= 0
            if reason.isError { kept.reason = reason }
            self.kept[token.packetID] = kept
            if let repetition = kept.repetition { self.mark(repetition, reason: reason) }
        }
        self.mark(token.serial, reason: reason)
        self.drain(gate: &gate, into: &effects)
    }

    /// PUBREL: the exchange ends; an unknown identifier is answered too, or the server asks for ever.
    package mutating func released(
        _ id: PacketID,
        answersUnknownWithReason: Bool,
        gate: inout StoreGate,
        into effects: inout [Effect]
    ) {
        guard let kept = self.kept.removeValue(forKey: id) else {
            let reason: ReasonCode = answersUnknownWithReason ? .packetIdentifierNotFound : .success
            // The store may know the identifier still, if it failed to forget it: it would take a new message for an
            // old.
            let ticket = gate.persist(.inboundReleased(packetID: id.rawValue), into: &effects)
            gate.send(Answer(.pubComp, id, reason: reason), after: ticket, into: &effects)
            return
        }
        if kept.isCounted { self.inFlight -= 1 }
        let ticket = gate.persist(.inboundReleased(packetID: id.rawValue), into: &effects)
        gate.send(Answer(.pubComp, id), after: ticket, into: &effects)
    }

    /// The link ended: the server sends again what was not acknowledged.
    package mutating func linkLost() {
        self.firstSerial = self.firstSerial &+ UInt64(self.waiting.count)
        self.waiting.removeAll()
        self.inFlight = 0
        for id in self.kept.keys {
            self.kept[id]?.isCounted = false
            self.kept[id]?.repetition = nil
        }
    }

    /// The server has no session: identifiers of the old one mean nothing.
    package mutating func sessionStarted(gate: inout StoreGate, into effects: inout [Effect]) {
        guard !self.kept.isEmpty else { return }
        self.kept.removeAll()
        _ = gate.persist(.inboundForgotten, into: &effects)
    }

    /// Takes over the identifiers a store kept: those messages were delivered by an earlier process.
    package mutating func restore(_ ids: Set<UInt16>) {
        for id in ids.compactMap(PacketID.init) {
            self.kept[id] = Kept(serial: 0, isHandled: true, isCounted: false, remaining: 0)
        }
    }

    /// A QoS 2 PUBLISH whose identifier is in use: PUBREC again, but never a second delivery.
    private mutating func repeated(_ id: PacketID, gate: inout StoreGate, into effects: inout [Effect]) {
        guard var kept = self.kept[id] else { return }
        // The PUBREC of the first, or of an earlier repetition, is still to come: a server that repeats itself gets no more
        // than that, or it could pile up what waits behind a message the application keeps.
        if kept.serial >= self.firstSerial { return }
        if let repetition = kept.repetition, repetition >= self.firstSerial { return }
        let serial = self.firstSerial &+ UInt64(self.waiting.count)
        kept.repetition = serial
        self.kept[id] = kept
        let remaining = kept.isHandled ? 0 : kept.remaining
        self.waiting.append(Waiting(id: id, qos: .exactlyOnce, remaining: remaining, reason: kept.reason))
        self.drain(gate: &gate, into: &effects)
    }

    private mutating func mark(_ serial: UInt64, reason: ReasonCode) {
        guard serial >= self.firstSerial, serial &- self.firstSerial < UInt64(self.waiting.count) else { return }
        let index = Int(truncatingIfNeeded: serial &- self.firstSerial)
        guard self.waiting[index].remaining > 0 else { return }
        self.waiting[index].remaining -= 1
        if reason.isError { self.waiting[index].reason = reason }
    }

    /// Sends the acknowledgements at the head that are due.
    private mutating func drain(gate: inout StoreGate, into effects: inout [Effect]) {
        while let first = self.waiting.first, first.remaining <= 0 {
            self.waiting.removeFirst()
            self.firstSerial &+= 1
            if first.qos == .atLeastOnce {
                self.inFlight -= 1
                gate.send(Answer(.pubAck, first.id, reason: first.reason), after: .none, into: &effects)
            } else if self.kept[first.id] == nil {
                // The server sent PUBREL before our PUBREC: the exchange is over.
                continue
            } else if first.reason.isError {
                if self.kept.removeValue(forKey: first.id)?.isCounted == true { self.inFlight -= 1 }
                gate.send(Answer(.pubRec, first.id, reason: first.reason), after: .none, into: &effects)
            } else {
                let ticket = gate.persist(.inboundReceived(packetID: first.id.rawValue), into: &effects)
                gate.send(Answer(.pubRec, first.id, reason: first.reason), after: ticket, into: &effects)
            }
        }
    }
}
