// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// What we answer to a PUBLISH or PUBREL of the server: small enough to be passed on without counting a reference.
package struct Answer: Hashable, Sendable {
    package enum Kind: UInt8, Sendable { case pubAck, pubRec, pubComp }

    package let kind: Kind
    package let packetID: PacketID
    package let reason: ReasonCode

    package init(_ kind: Kind, _ packetID: PacketID, reason: ReasonCode = .success) {
        self.kind = kind
        self.packetID = packetID
        self.reason = reason
    }

    /// The packet that says it.
    package var packet: Packet {
        let body = Acknowledgement(packetID: self.packetID, reason: self.reason)
        switch self.kind {
        case .pubAck: return .pubAck(body)
        case .pubRec: return .pubRec(body)
        case .pubComp: return .pubComp(body)
        }
    }
}
