// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

// The acknowledgements of clients (MQTT 5.0, 4.3).

extension BrokerCore {
    /// PUBACK for a message of ours.
    mutating func pubAckCame(_ packet: Acknowledgement, of slot: Int, from id: ConnectionID, now: NIODeadline) {
        switch self.sessions[slot].outbound.acknowledged(packet.packetID) {
        case .expected: self.drain(slot, now: now)
        case .unknown: break
        case .outOfPlace: self.fail(id, .protocolError, "A PUBACK answers a message of QoS 2", now: now)
        }
    }

    /// PUBREC for a message of ours: it is released, known or not (MQTT-4.3.3-4; U5-4.3.3-1).
    mutating func pubRecCame(_ packet: Acknowledgement, of slot: Int, from id: ConnectionID, now: NIODeadline) {
        let isError = packet.reason.isError
        switch self.sessions[slot].outbound.received(packet.packetID, isError: isError) {
        case .expected where isError: self.drain(slot, now: now)
        case .expected: self.send(.pubRel(Acknowledgement(packetID: packet.packetID)), to: id)
        case .unknown where isError: break
        case .unknown: self.send(.pubRel(self.notFound(packet.packetID, of: slot)), to: id)
        case .outOfPlace: self.fail(id, .protocolError, "A PUBREC answers a message of QoS 1", now: now)
        }
    }

    /// PUBREL for a message of the client's: its identifier is free (MQTT-4.3.3-11, MQTT-4.3.3-12).
    mutating func pubRelCame(_ packet: Acknowledgement, of slot: Int, from id: ConnectionID) {
        self.sessions[slot].link?.openInbound.remove(packet.packetID)
        let isKnown = self.sessions[slot].inbound.remove(packet.packetID) != nil
        let answer = isKnown ? Acknowledgement(packetID: packet.packetID) : self.notFound(packet.packetID, of: slot)
        self.send(.pubComp(answer), to: id)
    }

    /// PUBCOMP for a message of ours.
    mutating func pubCompCame(_ packet: Acknowledgement, of slot: Int, from id: ConnectionID, now: NIODeadline) {
        switch self.sessions[slot].outbound.completed(packet.packetID) {
        case .expected: self.drain(slot, now: now)
        case .unknown: break
        case .outOfPlace: self.fail(id, .protocolError, "A PUBCOMP answers what was not released", now: now)
        }
    }

    private func notFound(_ packetID: PacketID, of slot: Int) -> Acknowledgement {
        let hasReason = self.sessions[slot].link?.version.hasProperties ?? false
        return Acknowledgement(packetID: packetID, reason: hasReason ? .packetIdentifierNotFound : .success)
    }
}
