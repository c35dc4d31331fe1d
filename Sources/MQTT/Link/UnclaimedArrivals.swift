// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import NIOCore

/// The messages that the engine keeps for subscriptions to come.
struct UnclaimedArrivals {
    private struct Message {
        var publish: PacketBurst.Entry
        var buffer: ByteBuffer
        var topics: TopicTable
        var arrival: Instant
    }

    private var messages: [UInt64: Message] = [:]

    /// Keeps a message.
    mutating func append(_ publish: PacketBurst.Entry, of burst: PacketBurst, _ token: DeliveryToken, at now: Instant) {
        let message = Message(publish: publish, buffer: burst.buffer, topics: burst.topics, arrival: now)
        self.messages[token.serial] = message
    }

    /// Takes a message for a subscription.
    mutating func take(_ token: DeliveryToken, for destination: Destination, _ core: SubscriptionCore) -> MessageRun? {
        guard let message = self.messages.removeValue(forKey: token.serial) else { return nil }
        let token = destination.acknowledgesLater ? token : nil
        let entry = MessageRun.Entry(message.publish, filter: destination.filter, source: 0, token: token)
        return MessageRun(entry, of: message.buffer, message.topics, for: core, at: message.arrival)
    }

    mutating func removeAll() { self.messages.removeAll() }
}
