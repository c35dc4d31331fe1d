// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

extension BrokerCore {
    private enum Decision {
        case grant(TopicFilter)
        case refuse(ReasonCode)
        /// The connection ends.
        case fault(ReasonCode, String)
    }

    /// Decides on the filters of a SUBSCRIBE one after the other, up to one the user's code is asked about.
    mutating func goOn(_ pending: PendingSubscribe, of slot: Int, from id: ConnectionID, now: NIODeadline) {
        var pending = pending
        while pending.reasons.count < pending.packet.entries.count {
            let place = pending.reasons.count
            switch self.decide(on: pending.packet, place: place, of: slot) {
            case .fault(let reason, let words): return self.fail(id, reason, words, now: now)
            case .refuse(let reason): self.refuse(&pending, reason, of: slot)
            case .grant(let filter):
                guard self.questions.contains(.authorize) else {
                    self.grant(filter, &pending, of: slot, now: now)
                    continue
                }
                let access = BrokerAccess.subscribe(
                    clientID: self.sessions[slot].clientID.string,
                    username: self.sessions[slot].link?.username,
                    filter: filter.string,
                    qos: min(pending.packet.entries[place].options.qos, self.limits.maximumQoS)
                )
                return self.ask(.authorize(id, access), for: .subscribe(pending), of: id)
            }
        }
        self.finish(pending, of: slot, from: id, now: now)
    }

    /// The user's code has decided on the next filter.
    mutating func authorized(
        _ pending: PendingSubscribe,
        _ reason: ReasonCode,
        of slot: Int,
        from id: ConnectionID,
        now: NIODeadline
    ) {
        var pending = pending
        let place = pending.reasons.count
        if reason == .success, case .grant(let filter) = self.decide(on: pending.packet, place: place, of: slot) {
            self.grant(filter, &pending, of: slot, now: now)
        } else {
            self.refuse(&pending, reason.isError ? reason : .notAuthorized, of: slot)
        }
        self.goOn(pending, of: slot, from: id, now: now)
    }

    private func decide(on packet: Subscribe, place: Int, of slot: Int) -> Decision {
        let entry = packet.entries[place]
        let isNewer = self.sessions[slot].link?.version.hasProperties ?? false
        if !packet.properties.isEmpty, packet.properties.subscriptionIdentifier != nil,
            !self.limits.subscriptionIdentifierAvailable
        {
            return .fault(.subscriptionIdentifiersNotSupported, "There are no subscription identifiers here")
        }
        guard let filter = try? TopicFilter(entry.filter, strippedPrefixes: []) else {
            return .refuse(.topicFilterInvalid)
        }
        if filter.shareName != nil, entry.options.noLocal {
            return .fault(.protocolError, "A shared subscription has No Local")
        }
        // MQTT 5.0, 3.2.2.3.11 and 3.2.2.3.13; 3.1.1, MQTT-3.8.3-2.
        if filter.shareName != nil, !self.limits.sharedSubscriptionAvailable {
            let reason = ReasonCode.sharedSubscriptionsNotSupported
            return isNewer ? .fault(reason, "There are no shared subscriptions here") : .refuse(reason)
        }
        if filter.hasWildcards, !self.limits.wildcardSubscriptionAvailable {
            let reason = ReasonCode.wildcardSubscriptionsNotSupported
            return isNewer ? .fault(reason, "There are no wildcards here") : .refuse(reason)
        }
        guard place < self.limits.filtersPerSubscribe else { return .refuse(.quotaExceeded) }
        let subscriptions = self.sessions[slot].subscriptions
        guard subscriptions[filter] != nil || subscriptions.count < self.limits.subscriptionsPerSession else {
            return .refuse(.quotaExceeded)
        }
        return .grant(filter)
    }

    private mutating func grant(
        _ filter: TopicFilter,
        _ pending: inout PendingSubscribe,
        of slot: Int,
        now: NIODeadline
    ) {
        let options = pending.packet.entries[pending.reasons.count].options
        let qos = min(options.qos, self.limits.maximumQoS)
        let identifier = pending.packet.properties.subscriptionIdentifier
        let subscriber = Subscriber(slot: slot, options: options, qos: qos, identifier: identifier)
        let isNew = self.subscriptions.set(subscriber, for: filter, isOnline: true)
        self.sessions[slot].noteSubscription(filter)
        if isNew, filter.pattern.isSystemTopic { self.watchSystemTopics(now: now) }
        pending.reasons.append(ReasonCode(rawValue: qos.rawValue))
        pending.granted.append((filter, subscriber, options.retainHandling, isNew))
        self.noteSubscribed(pending, of: slot)
    }

    private mutating func refuse(_ pending: inout PendingSubscribe, _ reason: ReasonCode, of slot: Int) {
        let packet = Packet.subAck(SubAck(packetID: .first, reasons: [reason]))
        let isLegal = (try? PacketEncoder(version: .v5).encodedSize(of: packet)) != nil
        pending.reasons.append(isLegal ? reason : .notAuthorized)
        self.noteSubscribed(pending, of: slot)
    }

    private mutating func noteSubscribed(_ pending: PendingSubscribe, of slot: Int) {
        guard let reason = pending.reasons.last else { return }
        let filter = pending.packet.entries[pending.reasons.count - 1].filter
        self.note(.subscribed(clientID: self.sessions[slot].clientID.string, filter: filter, reason: reason))
    }

    /// SUBACK, with one code for each filter in their order (MQTT-3.8.4-6), then the retained messages.
    private mutating func finish(_ pending: PendingSubscribe, of slot: Int, from id: ConnectionID, now: NIODeadline) {
        guard !pending.reasons.isEmpty else {
            return self.fail(id, .protocolError, "A SUBSCRIBE has no filter", now: now)
        }
        self.send(.subAck(SubAck(packetID: pending.packet.packetID, reasons: pending.reasons)), to: id)
        for (filter, subscriber, handling, isNew) in pending.granted
        where filter.shareName == nil && (handling == .sendAlways || handling == .sendIfNew && isNew) {
            self.sendRetained(for: filter, to: subscriber, now: now)
        }
    }

    private mutating func sendRetained(for filter: TopicFilter, to subscriber: Subscriber, now: NIODeadline) {
        let key = self.sessions[subscriber.slot].clientID
        for message in self.retained.messages(matching: filter) where !message.isExpired(now: now) {
            if subscriber.noLocal, message.publisher == key { continue }
            let delivery = OutgoingDelivery(
                message,
                qos: subscriber.qos,
                retain: true,
                identifiers: subscriber.identifiers
            )
            var fanOut = FanOut(message)
            self.deliver(delivery, to: subscriber.slot, fanOut: &fanOut, now: now)
            self.emit(fanOut, now: now)
        }
    }

    /// UNSUBSCRIBE: what is the same bytes is removed, and UNSUBACK comes in any case (MQTT-3.10.4-1, MQTT-3.10.4-5).
    mutating func unsubscribeCame(_ packet: Unsubscribe, of slot: Int, from id: ConnectionID) {
        var reasons: [ReasonCode] = []
        for string in packet.filters {
            var reason = ReasonCode.topicFilterInvalid
            if let filter = try? TopicFilter(string, strippedPrefixes: []) {
                let isThere = self.sessions[slot].subscriptions.removeValue(forKey: filter) != nil
                if isThere { self.subscriptions.remove(slot: slot, from: filter) }
                reason = isThere ? .success : .noSubscriptionExisted
            }
            reasons.append(reason)
            self.note(.unsubscribed(clientID: self.sessions[slot].clientID.string, filter: string, reason: reason))
        }
        let hasReasons = self.sessions[slot].link?.version.hasProperties ?? false
        self.send(.unsubAck(UnsubAck(packetID: packet.packetID, reasons: hasReasons ? reasons : [])), to: id)
    }
}
