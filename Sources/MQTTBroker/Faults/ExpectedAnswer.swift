// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import MQTTWire

/// What answers a packet, by kind and packet identifier.
struct ExpectedAnswer: Hashable {
    private let kind: FaultRule.PacketKind
    private let packetID: PacketID?

    private init(_ kind: FaultRule.PacketKind, for packetID: PacketID? = nil) {
        self.kind = kind
        self.packetID = packetID
    }

    /// What answers a packet of a client, if anything does.
    init?(to packet: Packet) {
        switch packet {
        case .connect: self.init(.connAck)
        case .publish(let publish):
            switch publish.qos {
            case .atMostOnce: return nil
            case .atLeastOnce: self.init(.pubAck, for: publish.packetID)
            case .exactlyOnce: self.init(.pubRec, for: publish.packetID)
            }
        case .pubRec(let body): self.init(.pubRel, for: body.packetID)
        case .pubRel(let body): self.init(.pubComp, for: body.packetID)
        case .subscribe(let body): self.init(.subAck, for: body.packetID)
        case .unsubscribe(let body): self.init(.unsubAck, for: body.packetID)
        case .pingRequest: self.init(.pingResponse)
        case .auth: self.init(.auth)
        default: return nil
        }
    }

    /// A packet to a client as an answer.
    init?(given packet: Packet) {
        switch packet {
        case .connAck: self.init(.connAck)
        case .pubAck(let body): self.init(.pubAck, for: body.packetID)
        case .pubRec(let body): self.init(.pubRec, for: body.packetID)
        case .pubRel(let body): self.init(.pubRel, for: body.packetID)
        case .pubComp(let body): self.init(.pubComp, for: body.packetID)
        case .subAck(let body): self.init(.subAck, for: body.packetID)
        case .unsubAck(let body): self.init(.unsubAck, for: body.packetID)
        case .pingResponse: self.init(.pingResponse)
        case .auth: self.init(.auth)
        default: return nil
        }
    }
}
