// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
package import MQTTWire

/// PUBACK, PUBREC and PUBCOMP that say nothing but success, without an effect for each.
///
/// They do what ``Engine/received(_:now:into:)`` does. Two things are left to the caller: the operation that is given ends
/// as published, and ``Engine/sendWaiting(into:write:)`` follows once at the end of the burst, since each of them may have
/// made room for a message that waits.
extension Engine {
    /// PUBACK: gives the operation that ended; nil when nobody waits, or when all there is to do is in the effects.
    package mutating func receivedPubAck(
        _ id: PacketID,
        now: Instant,
        into effects: inout [Effect]
    ) -> OperationID? {
        guard !self.session.gate.isDurable, self.session.outbound.isConnected,
            self.session.outbound.exchanges.phase(of: id) == .awaitingPubAck
        else {
            self.received(.pubAck(Acknowledgement(packetID: id)), now: now, into: &effects)
            return nil
        }
        return self.session.outbound.end(id)
    }

    /// PUBCOMP: gives the operation that ended; nil when nobody waits, or when all there is to do is in the effects.
    package mutating func receivedPubComp(
        _ id: PacketID,
        now: Instant,
        into effects: inout [Effect]
    ) -> OperationID? {
        guard !self.session.gate.isDurable, self.session.outbound.isConnected,
            self.session.outbound.exchanges.phase(of: id) == .awaitingPubComp
        else {
            self.received(.pubComp(Acknowledgement(packetID: id)), now: now, into: &effects)
            return nil
        }
        return self.session.outbound.end(id)
    }

    /// PUBREC: true when the caller has to write a PUBREL that says success, now; else all there is to do is in the effects.
    ///
    /// PUBRELs leave in the order of PUBRECs (MQTT-4.6.0-4): as long as an effect waits to be carried out, which may be a
    /// PUBREL, every further one becomes an effect too.
    package mutating func receivedPubRec(_ id: PacketID, now: Instant, into effects: inout [Effect]) -> Bool {
        guard !self.session.gate.isDurable, self.session.outbound.isConnected, effects.isEmpty,
            self.session.outbound.exchanges.phase(of: id) == .awaitingPubRec
        else {
            self.received(.pubRec(Acknowledgement(packetID: id)), now: now, into: &effects)
            return false
        }
        self.session.outbound.releaseAtOnce(id)
        return true
    }

    /// Whether ``sendWaiting(into:write:)`` may have something to do.
    package var maySendWaiting: Bool { self.session.outbound.maySendWaiting }

    /// Sends what waits for room, oldest first: plain messages are given to `write` at once, the rest becomes effects.
    ///
    /// Carry out earlier effects before it, so that messages keep their order.
    package mutating func sendWaiting(into effects: inout [Effect], write: (PublishFrame, PacketID) -> Void) {
        guard !self.session.gate.isDurable else { return }
        self.session.outbound.sendWaiting(write: write)
        if self.maySendWaiting { self.session.outbound.pump(gate: &self.session.gate, into: &effects) }
    }
}

extension OutboundPublishes {
    /// Whether there is room on the connection, and something that waits for it.
    var maySendWaiting: Bool {
        self.isConnected && self.quota > 0 && self.turn == nil && !(self.queue.isEmpty && self.resend.isEmpty)
    }

    /// Ends an exchange as far as it concerns neither a store nor those who wait for room.
    mutating func end(_ id: PacketID) -> OperationID? {
        guard let ended = self.exchanges.close(id) else { return nil }
        self.pendingBytes -= ended.size
        self.quota += 1
        return ended.operation
    }

    /// The server has the message: forgets it, as PUBREL goes out at once.
    mutating func releaseAtOnce(_ id: PacketID) {
        let order = self.takeReleaseOrder()
        var freed = 0
        self.exchanges.forgetFrame(of: id) { exchange in
            freed = exchange.size
            exchange.phase = .awaitingPubComp
            exchange.releaseOrder = order
        }
        self.pendingBytes -= freed
    }

    /// Sends QoS 1 and 2 messages from the queue while nothing is in their way.
    mutating func sendWaiting(write: (PublishFrame, PacketID) -> Void) {
        guard self.isConnected, self.resend.isEmpty, self.pacer == nil else { return }
        while self.quota > 0, let next = self.queue.popFirst() {
            let qos = next.frame.message.qos
            let phase: ExchangeTable.Phase = qos == .atLeastOnce ? .awaitingPubAck : .awaitingPubRec
            let exchange = ExchangeTable.Exchange(phase: phase, operation: next.operation, serial: next.serial)
            guard qos != .atMostOnce, next.term.end == nil, next.failures == 0,
                self.limits.refusal(of: next.frame) == nil,
                let id = self.exchanges.open(exchange)
            else {
                self.queue.prepend(next)
                return
            }
            self.quota -= 1
            write(next.frame, id)
            self.exchanges.keepLast(next.frame)
        }
    }
}
