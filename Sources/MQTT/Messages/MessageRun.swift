// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import NIOCore

/// The messages of one buffer that go to one subscription.
///
/// A message is its run and a number: one count of references for each hand it goes through, and all of them in the
/// consumer's thread. Counting those of topic, payload and subscription, in two threads, would cost more than all the rest.
final class MessageRun: Sendable {
    struct Entry: Sendable {
        let publish: PacketBurst.Entry
        /// Which of the subscription's filters matched.
        let filter: UInt16
        let mustAcknowledge: Bool
        /// Of the token.
        let serial: UInt64

        init(_ publish: PacketBurst.Entry, filter: UInt16, token: DeliveryToken?) {
            self.publish = publish
            self.filter = filter
            self.mustAcknowledge = token != nil
            self.serial = token?.serial ?? 0
        }

        /// What has to be said when the message was taken; nil when nothing has.
        var token: DeliveryToken? {
            guard self.mustAcknowledge, let packetID = self.publish.packetID else { return nil }
            return DeliveryToken(serial: self.serial, packetID: packetID, qos: self.publish.qos)
        }

        /// About what the message pins in memory, in bytes.
        var cost: Int { Int(self.publish.payloadLength) + Int(self.publish.propertiesLength) + 128 }
    }

    let source: SubscriptionCore
    let buffer: ByteBuffer
    let topics: TopicTable
    let entries: [Entry]

    init(_ entries: [Entry], of burst: PacketBurst, for source: SubscriptionCore) {
        self.source = source
        self.buffer = burst.buffer
        self.topics = burst.topics
        self.entries = entries
    }

    func topic(at index: Int) -> String { self.topics[self.entries[index].publish.topic] }

    func payload(at index: Int) -> ByteBuffer { self.entries[index].publish.payload(in: self.buffer) }

    func properties(at index: Int) -> Properties { self.entries[index].publish.properties(in: self.buffer) }
}
