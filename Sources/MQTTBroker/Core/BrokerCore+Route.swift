// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

/// A message for a session that more than one of its subscriptions match.
private struct Overlap {
    let slot: Int
    var qos: QoS
    var retain: Bool
    var identifiers: [UInt32]
}

extension BrokerCore {
    /// Brings a message to every session that subscribes to its topic (MQTT-4.5.0-1).
    ///
    /// - Returns: How many those are.
    mutating func route(_ message: BrokerMessage, from publisher: Int?, now: NIODeadline) -> Int {
        let matching = self.subscriptions.entries(matching: message.topic)
        var fanOut = FanOut(message)
        var receivers = 0
        var plain: [Int] = []
        for entry in matching {
            if self.subscriptions[entry].group == nil {
                plain.append(entry)
            } else if self.share(message, entry: entry, fanOut: &fanOut, now: now) {
                receivers += 1
            }
        }
        if plain.count == 1 {
            receivers += self.bring(message, toAllOf: plain[0], from: publisher, fanOut: &fanOut, now: now)
        } else if plain.count > 1 {
            receivers += self.bring(message, toOverlapping: plain, from: publisher, fanOut: &fanOut, now: now)
        }
        self.emit(fanOut, now: now)
        return receivers
    }

    /// The common case: one filter, any number of subscribers.
    private mutating func bring(
        _ message: BrokerMessage,
        toAllOf entry: Int,
        from publisher: Int?,
        fanOut: inout FanOut,
        now: NIODeadline
    ) -> Int {
        let members = self.subscriptions[entry].plain.members
        fanOut.isWide = members.count > FanOut.wide
        var receivers = 0
        for member in members where !(member.noLocal && member.slot == publisher) {
            receivers += 1
            let delivery = OutgoingDelivery(
                message,
                qos: member.qos,
                retain: message.retain && member.retainAsPublished,
                identifiers: member.identifiers
            )
            self.deliver(delivery, to: member.slot, fanOut: &fanOut, now: now)
        }
        return receivers
    }

    /// Each session gets one message with all identifiers at the highest QoS (MQTT-3.3.4-2, MQTT-3.3.4-4).
    private mutating func bring(
        _ message: BrokerMessage,
        toOverlapping entries: [Int],
        from publisher: Int?,
        fanOut: inout FanOut,
        now: NIODeadline
    ) -> Int {
        self.lastList &+= 1
        var overlaps: [Overlap] = []
        for entry in entries {
            for member in self.subscriptions[entry].plain.members where !(member.noLocal && member.slot == publisher) {
                let retain = message.retain && member.retainAsPublished
                let mark = self.sessions[member.slot].mark
                if mark.list == self.lastList {
                    overlaps[mark.place].qos = max(overlaps[mark.place].qos, member.qos)
                    overlaps[mark.place].retain = overlaps[mark.place].retain || retain
                    overlaps[mark.place].identifiers += member.identifiers
                } else {
                    self.sessions[member.slot].mark = (self.lastList, overlaps.count)
                    overlaps.append(
                        Overlap(slot: member.slot, qos: member.qos, retain: retain, identifiers: member.identifiers)
                    )
                }
            }
        }
        fanOut.isWide = overlaps.count > FanOut.wide
        for overlap in overlaps {
            let delivery = OutgoingDelivery(
                message,
                qos: overlap.qos,
                retain: overlap.retain,
                identifiers: overlap.identifiers
            )
            self.deliver(delivery, to: overlap.slot, fanOut: &fanOut, now: now)
        }
        return overlaps.count
    }

    /// Gives a message to one member of a group: the next that can take it at once, else the next.
    private mutating func share(
        _ message: BrokerMessage,
        entry: Int,
        fanOut: inout FanOut,
        now: NIODeadline
    ) -> Bool {
        guard let candidates = self.subscriptions[entry].group?.candidates(qos: message.qos), !candidates.isEmpty else {
            return false
        }
        let ready = candidates.firstIndex { member in
            guard self.sessions[member.slot].link?.isWritable ?? false else { return false }
            return min(member.qos, message.qos) == .atMostOnce || self.sessions[member.slot].outbound.hasRoom
        }
        let chosen = ready ?? candidates.startIndex
        let member = candidates[chosen]
        self.subscriptions.tookTurn(entry: entry, offset: chosen - candidates.startIndex)
        let delivery = OutgoingDelivery(
            message,
            qos: member.qos,
            retain: message.retain && member.retainAsPublished,
            identifiers: member.identifiers,
            share: self.subscriptions[entry].filter
        )
        self.deliver(delivery, to: member.slot, fanOut: &fanOut, now: now)
        return true
    }

    /// The session a message of a shared subscription was given to is over.
    mutating func deliverElsewhere(_ delivery: OutgoingDelivery, now: NIODeadline) {
        guard let filter = delivery.share, let entry = self.subscriptions.entry(of: filter),
            !delivery.message.isExpired(now: now)
        else { return }
        var fanOut = FanOut(delivery.message)
        _ = self.share(delivery.message, entry: entry, fanOut: &fanOut, now: now)
        self.emit(fanOut, now: now)
    }
}
