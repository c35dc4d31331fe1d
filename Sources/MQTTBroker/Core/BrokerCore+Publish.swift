// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

extension BrokerCore {
    /// PUBLISH of a client (MQTT 5.0, 3.3.4).
    mutating func publishCame(_ publish: Publish, of slot: Int, from id: ConnectionID, now: NIODeadline) {
        if let limit = self.limits.publishesPerSecond,
            self.sessions[slot].link?.rate.count(limit: limit, now: now) == false
        {
            return self.fail(id, .messageRateTooHigh, "The client publishes too fast", now: now)
        }
        var publish = publish
        switch self.sessions[slot].link?.clientAliases.resolve(publish) {
        case .success(let topic): publish.topic = topic
        case .failure(let error): return self.fail(id, error.reason, error.message, now: now)
        case nil: return
        }
        if let (reason, words) = self.fault(of: publish) { return self.fail(id, reason, words, now: now) }
        if let packetID = publish.packetID, publish.qos == .exactlyOnce {
            guard self.begin(packetID, of: slot) else {
                return self.fail(id, .receiveMaximumExceeded, "Too many messages are under way", now: now)
            }
            // MQTT-4.3.3-10: it was taken before.
            guard !self.sessions[slot].inbound.contains(packetID) else {
                return self.send(.pubRec(Acknowledgement(packetID: packetID)), to: id)
            }
        }
        if let reason = self.refusal(of: publish) { return self.acknowledge(publish, reason, of: slot, from: id) }
        guard self.questions.contains(.authorize) else { return self.take(publish, of: slot, from: id, now: now) }
        let access = BrokerAccess.publish(
            clientID: self.sessions[slot].clientID.string,
            username: self.sessions[slot].link?.username,
            topic: publish.topic,
            qos: publish.qos,
            retain: publish.retain
        )
        self.ask(.authorize(id, access), for: .publish(publish), of: id)
    }

    /// What ends the connection.
    private func fault(of publish: Publish) -> (ReasonCode, String)? {
        guard (try? TopicName.check(publish.topic)) != nil else { return (.topicNameInvalid, "A topic is no topic") }
        guard publish.qos <= self.limits.maximumQoS else { return (.qosNotSupported, "The QoS is too high here") }
        guard !publish.retain || self.limits.retainAvailable else {
            return (.retainNotSupported, "There are no retained messages here")
        }
        guard (publish.packetID == nil) == (publish.qos == .atMostOnce) else {
            return (.protocolError, "A PUBLISH has an identifier exactly when its QoS is not 0")
        }
        guard publish.properties.isEmpty || publish.properties.subscriptionIdentifier == nil else {
            return (.protocolError, "A client's PUBLISH has a subscription identifier")
        }
        return nil
    }

    /// What the message is refused for, and the connection goes on.
    private func refusal(of publish: Publish) -> ReasonCode? {
        if publish.topic.isSystemTopic { return .notAuthorized }
        if self.limits.checksPayloadFormat, publish.properties.payloadFormatIndicator == .utf8 {
            let isText = publish.payload.withUnsafeReadableBytes { bytes in
                bytes.withMemoryRebound(to: UInt8.self) { String(validating: $0, as: UTF8.self) != nil }
            }
            if !isText { return .payloadFormatInvalid }
        }
        guard publish.retain, publish.qos != .atMostOnce, !publish.payload.readableBytesView.isEmpty else { return nil }
        let message = BrokerMessage(publish, topic: publish.topic, publisher: nil, now: .uptimeNanoseconds(0))
        return self.canRetain(message) ? nil : .quotaExceeded
    }

    /// Counts the identifiers of QoS 2 that this connection has begun; false when there are too many.
    private mutating func begin(_ packetID: PacketID, of slot: Int) -> Bool {
        guard let link = self.sessions[slot].link else { return false }
        // Before 5.0 nobody tells the client of a bound.
        let maximum = link.version.hasProperties ? Int(max(1, self.limits.receiveMaximum)) : 65_535
        guard link.openInbound.contains(packetID) || link.openInbound.count < maximum else { return false }
        self.sessions[slot].link?.openInbound.insert(packetID)
        return true
    }

    mutating func authorized(
        _ publish: Publish,
        _ reason: ReasonCode,
        of slot: Int,
        from id: ConnectionID,
        now: NIODeadline
    ) {
        guard reason.isError || reason == .success else {
            return self.acknowledge(publish, .notAuthorized, of: slot, from: id)
        }
        guard reason == .success else { return self.acknowledge(publish, reason, of: slot, from: id) }
        self.take(publish, of: slot, from: id, now: now)
    }

    private mutating func take(_ publish: Publish, of slot: Int, from id: ConnectionID, now: NIODeadline) {
        if let packetID = publish.packetID, publish.qos == .exactlyOnce {
            self.sessions[slot].inbound.insert(packetID)
        }
        let key = self.sessions[slot].clientID
        let message = BrokerMessage(publish, topic: publish.topic, publisher: key, now: now)
        let receivers = self.take(message, from: slot, now: now)
        self.acknowledge(publish, receivers == 0 ? .noMatchingSubscribers : .success, of: slot, from: id)
    }

    /// Answers a PUBLISH as its QoS demands (MQTT-3.3.4-1).
    ///
    /// Before 5.0 there is no way to refuse a message: it is acknowledged (3.1.1, MQTT-3.3.5-2).
    private mutating func acknowledge(_ publish: Publish, _ reason: ReasonCode, of slot: Int, from id: ConnectionID) {
        guard let packetID = publish.packetID else { return }
        let version = self.sessions[slot].link?.version ?? .v5
        let isQoS2 = publish.qos == .exactlyOnce
        var packet = Acknowledgement(packetID: packetID, reason: version.hasProperties ? reason : .success)
        let isLegal = (try? PacketEncoder(version: .v5).encodedSize(of: .pubAck(packet))) != nil
        if !isLegal { packet.reason = .notAuthorized }
        if isQoS2, reason.isError {
            if version.hasProperties {
                // MQTT-4.3.3-9.
                self.sessions[slot].link?.openInbound.remove(packetID)
            } else {
                self.sessions[slot].inbound.insert(packetID)
            }
        }
        self.send(isQoS2 ? .pubRec(packet) : .pubAck(packet), to: id)
    }
}

// MARK: - Taking messages

extension BrokerCore {
    /// Publishes a message of the program's own.
    ///
    /// It may go to the broker's own topics, too; what no packet can carry goes nowhere. A packet identifier is not needed.
    mutating func publish(_ message: Publish, now: NIODeadline) {
        self.statistics.begin(now: now)
        var packet = message
        packet.packetID = packet.qos == .atMostOnce ? nil : .first
        packet.duplicate = false
        let isSendable = (try? PacketEncoder(version: .v5).encodedSize(of: .publish(packet))) != nil
        guard isSendable, (try? TopicName.check(message.topic)) != nil else { return }
        _ = self.take(BrokerMessage(message, topic: message.topic, publisher: nil, now: now), from: nil, now: now)
    }

    /// A message is the broker's now: it is retained if it is to be and goes to everyone who subscribes.
    ///
    /// - Returns: How many sessions it is for.
    mutating func take(_ message: BrokerMessage, from slot: Int?, now: NIODeadline) -> Int {
        self.note(
            .published(
                clientID: message.publisher?.string ?? "",
                topic: message.topic,
                qos: message.qos,
                retain: message.retain,
                payloadSize: message.payload.readableBytes
            )
        )
        if message.retain { self.retain(message) }
        return self.route(message, from: slot, now: now)
    }

    func canRetain(_ message: BrokerMessage) -> Bool {
        let old = self.retained.message(for: message.topic)
        let bytes = self.retained.bytes - (old.map(RetainedMessages.size(of:)) ?? 0)
        guard bytes + RetainedMessages.size(of: message) <= self.limits.retainedBytes else { return false }
        return old != nil || self.retained.count - self.statistics.systemTopics < self.limits.retainedMessages
    }

    private mutating func retain(_ message: BrokerMessage) {
        let key = UTF8Key(message.topic)
        self.alarms.remove(.retained(key))
        guard message.payload.readableBytes > 0 else { return self.retained.remove(message.topic) }
        guard self.canRetain(message) else {
            // The old one would be wrong now.
            self.retained.remove(message.topic)
            return self.note(.dropped(clientID: message.publisher?.string ?? "", topic: message.topic))
        }
        self.retained.set(message)
        if let expiresAt = message.expiresAt { self.alarms.set(.retained(key), at: expiresAt) }
    }
}
