// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import NIOCore

/// The messages of one buffer, those of a subscription next to one another.
///
/// A message is its run and a number: one count of references for each hand it goes through, and all of them in the
/// consumer's thread. Counting those of topic, payload and subscription, in two threads, would cost more than all the rest.
final class MessageRun: Sendable {
    struct Entry: Sendable {
        /// Notes which of the subscription's filters matched.
        let publish: PacketBurst.Entry
        /// Which of the run's subscriptions it goes to.
        let source: UInt32
        /// Of the token; 0 where nothing is to be acknowledged.
        private let serial: UInt64

        init(_ publish: PacketBurst.Entry, filter: UInt16, source: UInt32, token: DeliveryToken?) {
            var publish = publish
            publish.note = filter
            self.publish = publish
            self.source = source
            self.serial = token?.serial ?? 0
        }

        /// Which of the subscription's filters matched.
        var filter: UInt16 { self.publish.note }

        /// Whether somebody has to be told that the message was taken.
        var mustAcknowledge: Bool { self.serial != 0 }

        /// What has to be said when the message was taken; nil when nothing has.
        var token: DeliveryToken? {
            guard self.mustAcknowledge, let packetID = self.publish.packetID else { return nil }
            return DeliveryToken(serial: self.serial, packetID: packetID, qos: self.publish.qos)
        }

        /// About what the message pins in memory, in bytes.
        var cost: Int { Int(self.publish.payloadLength) + Int(self.publish.propertiesLength) + 128 }
    }

    /// The subscriptions the messages go to.
    let sources: [SubscriptionCore]
    let buffer: ByteBuffer
    let topics: TopicTable
    let entries: [Entry]
    /// When they came.
    let arrival: Instant

    init(_ entries: [Entry], of burst: PacketBurst, for sources: [SubscriptionCore], at arrival: Instant) {
        self.sources = sources
        self.buffer = burst.buffer
        self.topics = burst.topics
        self.entries = entries
        self.arrival = arrival
    }

    /// One message of a buffer.
    init(_ entry: Entry, of buffer: ByteBuffer, _ topics: TopicTable, for source: SubscriptionCore, at arrival: Instant)
    {
        self.sources = [source]
        self.buffer = buffer
        self.topics = topics
        self.entries = [entry]
        self.arrival = arrival
    }

    func source(at index: Int) -> SubscriptionCore { self.sources[Int(self.entries[index].source)] }

    func topic(at index: Int) -> String { self.topics[self.entries[index].publish.topic] }

    func payload(at index: Int) -> ByteBuffer { self.entries[index].publish.payload(in: self.buffer) }

    func properties(at index: Int) -> Properties { self.entries[index].publish.properties(in: self.buffer) }
}
