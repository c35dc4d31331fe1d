// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import MQTTWire

/// What becomes of a packet, one step after the other.
enum FaultStep: Hashable {
    /// It goes on.
    case pass(Packet)
    /// It goes on as the last one: what is said to the client for it is lost.
    case passAndCut(Packet)
    /// What follows, and all behind it in its direction, is late by this time.
    case wait(Duration)
    /// The client is told this.
    case say(Packet)
    /// The client is sent these bytes.
    case bytes([UInt8])
    /// The connection ends at once.
    case cut
    /// The connection ends when everything said before has been sent.
    case close
    /// Nothing is read any more.
    case stopReading
}

extension FaultRule.PacketKind {
    /// The kind of a packet.
    init(_ packet: Packet) {
        self =
            switch packet {
            case .connect: .connect
            case .connAck: .connAck
            case .publish: .publish
            case .pubAck: .pubAck
            case .pubRec: .pubRec
            case .pubRel: .pubRel
            case .pubComp: .pubComp
            case .subscribe: .subscribe
            case .subAck: .subAck
            case .unsubscribe: .unsubscribe
            case .unsubAck: .unsubAck
            case .pingRequest: .pingRequest
            case .pingResponse: .pingResponse
            case .disconnect: .disconnect
            case .auth: .auth
            }
    }
}
