// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import MQTTWire

extension Packet {
    /// What a client is told whose packet is refused.
    func refusal(_ reason: ReasonCode, version: ProtocolVersion) -> [FaultStep] {
        let hasReasons = version.hasProperties
        switch self {
        case .connect:
            return [.say(.connAck(ConnAck(reason: reason))), .close]
        case .subscribe(let body) where version != .v31:
            // 3.1.1 has but one way to refuse.
            let said = hasReasons ? reason : .unspecifiedError
            let reasons = body.entries.map { _ in said }
            return [.say(.subAck(SubAck(packetID: body.packetID, reasons: reasons)))]
        case .unsubscribe(let body) where hasReasons:
            let reasons = body.filters.map { _ in reason }
            return [.say(.unsubAck(UnsubAck(packetID: body.packetID, reasons: reasons)))]
        case .publish(let body) where hasReasons && body.qos != .atMostOnce:
            guard let packetID = body.packetID else { return [.close] }
            let answer = Acknowledgement(packetID: packetID, reason: reason)
            return [.say(body.qos == .atLeastOnce ? .pubAck(answer) : .pubRec(answer))]
        case .pubRec(let body) where hasReasons:
            return [.say(.pubRel(Acknowledgement(packetID: body.packetID, reason: reason)))]
        case .pubRel(let body) where hasReasons:
            return [.say(.pubComp(Acknowledgement(packetID: body.packetID, reason: reason)))]
        default:
            return hasReasons ? [.say(.disconnect(Disconnect(reason: reason))), .close] : [.close]
        }
    }
}
