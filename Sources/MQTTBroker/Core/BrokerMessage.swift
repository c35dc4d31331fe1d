// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

/// A message on its way to any number of receivers, which share it.
final class BrokerMessage: Sendable {
    let topic: String
    let payload: ByteBuffer
    let qos: QoS
    /// As published.
    let retain: Bool
    /// Those to pass on, in their order: no alias, no subscription identifier (MQTT 5.0, 3.3.2.3).
    let properties: Properties
    /// When it is no more worth delivering (MQTT 5.0, 3.3.2.3.3).
    let expiresAt: NIODeadline?
    /// Who published it; nil for the broker's own and for the program's.
    let publisher: UTF8Key?

    init(_ publish: Publish, topic: String, publisher: UTF8Key?, now: NIODeadline) {
        self.topic = topic
        self.payload = Self.compact(publish.payload)
        self.qos = publish.qos
        self.retain = publish.retain
        self.publisher = publisher
        var properties = publish.properties
        if !properties.isEmpty {
            properties.topicAlias = nil
            properties.subscriptionIdentifiers = []
        }
        self.properties = properties
        self.expiresAt = properties.messageExpiryInterval.map { now + .seconds(Int64($0)) }
    }

    /// What it counts in bounds of bytes: payload, topic, and something for the rest.
    var size: Int { self.payload.readableBytes + self.topic.utf8.count + 64 }

    func isExpired(now: NIODeadline) -> Bool {
        guard let expiresAt = self.expiresAt else { return false }
        return expiresAt <= now
    }

    /// The properties as they are sent now: the expiry counted down (MQTT-3.3.2-6).
    func properties(now: NIODeadline) -> Properties {
        guard let expiresAt = self.expiresAt else { return self.properties }
        let left = max(0, (expiresAt - now).nanoseconds)
        let seconds = left / 1_000_000_000 + (left % 1_000_000_000 > 0 ? 1 : 0)
        var properties = self.properties
        properties.messageExpiryInterval = UInt32(clamping: seconds)
        return properties
    }

    /// A small slice would keep the whole buffer of its read alive for as long as the message waits.
    private static func compact(_ payload: ByteBuffer) -> ByteBuffer {
        guard payload.storageCapacity > 2 * payload.readableBytes + 1_024 else { return payload }
        return ByteBuffer(bytes: payload.readableBytesView)
    }
}

/// A message as one receiver gets it.
struct OutgoingDelivery: Sendable {
    let message: BrokerMessage
    /// The lower of published and granted (MQTT-3.8.4-8).
    let qos: QoS
    let retain: Bool
    /// Of all subscriptions that matched (MQTT-3.3.4-4).
    let identifiers: [UInt32]
    /// The shared subscription it was taken for; if its session ends before it is acknowledged, another member gets it.
    let share: TopicFilter?

    init(_ message: BrokerMessage, qos: QoS, retain: Bool, identifiers: [UInt32] = [], share: TopicFilter? = nil) {
        self.message = message
        self.qos = min(message.qos, qos)
        self.retain = retain
        self.identifiers = identifiers
        self.share = share
    }

    /// The packet, without alias.
    func packet(
        for version: ProtocolVersion,
        packetID: PacketID?,
        duplicate: Bool,
        now: NIODeadline
    ) -> Publish {
        var properties = Properties()
        if version.hasProperties {
            properties = self.message.properties(now: now)
            for identifier in self.identifiers { properties.append(.subscriptionIdentifier(identifier)) }
        }
        return Publish(
            topic: self.message.topic,
            payload: self.message.payload,
            qos: self.qos,
            retain: self.retain,
            duplicate: duplicate,
            packetID: packetID,
            properties: properties
        )
    }
}
