// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

extension TestPacket {
    /// What a server answers that takes everything: grants, acknowledges, and accepts.
    ///
    /// - Parameter version: The version of the connection; UNSUBACK has no reasons before 5.0.
    /// - Returns: The answer; nil for a packet that has none.
    public func plainAnswer(_ version: ProtocolVersion = .v5) -> TestPacket? {
        switch self {
        case .connect: .connAck()
        case .publish(let publish):
            publish.packetID.map { publish.qos == .atLeastOnce ? .pubAck(packetID: $0) : .pubRec(packetID: $0) }
        case .pubRec(let id, let reason, _): reason.isError ? nil : .pubRel(packetID: id)
        case .pubRel(let id, _, _): .pubComp(packetID: id)
        case .subscribe(let subscribe): subscribe.granted
        case .unsubscribe(let id, let filters, _):
            .unsubAck(packetID: id, reasons: version == .v5 ? filters.map { _ in .success } : [])
        case .pingRequest: .pingResponse
        default: nil
        }
    }
}
