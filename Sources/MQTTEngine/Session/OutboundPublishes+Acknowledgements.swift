// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

extension OutboundPublishes {
    /// PUBACK: the QoS 1 exchange ends.
    package mutating func pubAck(
        _ packet: Acknowledgement,
        gate: inout StoreGate,
        into effects: inout [Effect]
    ) -> Verdict {
        switch self.exchanges.phase(of: packet.packetID) {
        case .awaitingPubAck:
            self.finish(packet, gate: &gate, into: &effects)
            return .accepted
        case .vacant, .unsent:
            return .ignored
        default:
            return .violation("PUBACK for packet identifier \(packet.packetID), which awaits no PUBACK")
        }
    }

    /// PUBREC: the server has the QoS 2 message, or refuses it.
    package mutating func pubRec(
        _ packet: Acknowledgement,
        gate: inout StoreGate,
        into effects: inout [Effect]
    ) -> Verdict {
        let id = packet.packetID
        switch self.exchanges.phase(of: id) {
        case .unsent where self.exchanges.frame(of: id)?.message.qos == .exactlyOnce:
            // Some servers repeat PUBREC after a reconnect. It came before our turn to send again: the server has the
            // message, and to deny knowing it would make the server take the repetition for a new one.
            self.quota -= 1
            fallthrough
        case .awaitingPubRec:
            if packet.reason.isError {
                self.finish(packet, gate: &gate, into: &effects)
            } else {
                if packet.reason == .noMatchingSubscribers { self.exchanges.update(id) { $0.hasNoSubscribers = true } }
                self.release(id, gate: &gate, into: &effects)
            }
            return .accepted
        case .awaitingPubComp:
            effects.append(.send(.pubRel(Acknowledgement(packetID: id))))
            return .accepted
        case .releaseHeld, .releaseReady:
            return .accepted
        case .vacant:
            guard !packet.reason.isError else { return .ignored }
            let reason: ReasonCode = self.answersUnknownWithReason ? .packetIdentifierNotFound : .success
            effects.append(.send(.pubRel(Acknowledgement(packetID: id, reason: reason))))
            return .ignored
        default:
            return .violation("PUBREC for packet identifier \(id), which awaits no PUBREC")
        }
    }

    /// PUBCOMP: the QoS 2 exchange ends.
    package mutating func pubComp(
        _ packet: Acknowledgement,
        gate: inout StoreGate,
        into effects: inout [Effect]
    ) -> Verdict {
        switch self.exchanges.phase(of: packet.packetID) {
        case .awaitingPubComp:
            // "Packet identifier not found" tells of a state we repaired by asking: the message had been taken.
            let isUnheard = self.exchanges[packet.packetID]?.hasNoSubscribers == true
            let answer = Acknowledgement(
                packetID: packet.packetID,
                reason: isUnheard ? .noMatchingSubscribers : .success,
                properties: packet.properties
            )
            self.finish(answer, gate: &gate, into: &effects)
            return .accepted
        case .vacant, .releaseReady:
            return .ignored
        default:
            return .violation("PUBCOMP for packet identifier \(packet.packetID), which awaits no PUBCOMP")
        }
    }

    /// The content is the server's now: forget it and send PUBREL.
    private mutating func release(_ id: PacketID, gate: inout StoreGate, into effects: inout [Effect]) {
        let order = self.takeReleaseOrder()
        var freed = 0
        var serial: UInt64 = 0
        let phase: ExchangeTable.Phase = gate.isDurable ? .releaseHeld : .awaitingPubComp
        self.exchanges.forgetFrame(of: id) { exchange in
            freed = exchange.size
            serial = exchange.serial
            exchange.phase = phase
            exchange.releaseOrder = order
        }
        self.pendingBytes -= freed
        if gate.isDurable {
            self.holdRelease(id, serial, &gate, &effects)
        } else {
            effects.append(.send(.pubRel(Acknowledgement(packetID: id))))
        }
    }

    /// PUBREL waits until the store knows that PUBREC has come.
    mutating func holdRelease(
        _ id: PacketID,
        _ serial: UInt64,
        _ gate: inout StoreGate,
        _ effects: inout [Effect]
    ) {
        let ticket = gate.persist(.outboundReleased(serial: serial), into: &effects)
        self.exchanges.update(id) { $0.ticket = ticket }
        gate.hold(.release(id), until: ticket)
    }

    /// The exchange is over: its call ends, its identifier is free, the next message may go.
    private mutating func finish(_ packet: Acknowledgement, gate: inout StoreGate, into effects: inout [Effect]) {
        guard let ended = self.exchanges.close(packet.packetID) else { return }
        self.pendingBytes -= ended.size
        self.quota += 1
        _ = gate.persist(.outboundFinished(serial: ended.serial), into: &effects)
        if let operation = ended.operation {
            let completion: Completion =
                packet.reason.isError
                ? .publishRefused(packet.reason, packet.properties) : .published(packet.reason, packet.properties)
            effects.append(.complete(operation, completion))
        }
        if !self.resend.isEmpty || !self.queue.isEmpty { self.pump(gate: &gate, into: &effects) }
    }
}
