// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import MQTTWire

/// QoS 1 and 2 messages of a session that was gone on with, for which there is no subscription yet.
///
/// A program that connects first and subscribes then would lose the backlog of its session. So such messages are kept for a
/// while, without an acknowledgement; the first subscription that matches gets them, and what nobody has claimed at the end is
/// acknowledged and reported.
package struct UnclaimedMessages: Sendable {
    struct Message: Sendable {
        var token: DeliveryToken
        var topic: String
        var bytes: Int
    }

    private var messages: Deque<Message> = []
    private var bytes = 0
    /// When the messages are given up; nil when none is kept.
    private var end: Instant?

    private static let countLimit = 1_000
    private static let bytesLimit = 8 << 20

    /// A connection stands on which messages are kept for so long.
    mutating func begin(_ grace: Duration, now: Instant) { self.end = now.advanced(by: grace) }

    /// When the messages have to be given up, if there are any.
    var nextDeadline: Instant? { self.messages.isEmpty ? nil : self.end }

    /// Whether a message of so many bytes is kept.
    func takes(bytes: Int, now: Instant) -> Bool {
        guard let end = self.end, now < end else { return false }
        return self.messages.count < Self.countLimit && self.bytes + bytes <= Self.bytesLimit
    }

    /// Keeps a message.
    mutating func append(_ token: DeliveryToken, topic: String, bytes: Int) {
        self.messages.append(Message(token: token, topic: topic, bytes: bytes))
        self.bytes += bytes
    }

    /// Takes the messages that a new subscription wants, each with the number of the filter that matches.
    mutating func claim(_ filters: [TopicFilter]) -> [(token: DeliveryToken, filter: Int)] {
        guard !self.messages.isEmpty else { return [] }
        var claimed: [(token: DeliveryToken, filter: Int)] = []
        var rest: Deque<Message> = []
        for message in self.messages {
            if let filter = filters.firstIndex(where: { $0.matches(message.topic) }) {
                claimed.append((message.token, filter))
                self.bytes -= message.bytes
            } else {
                rest.append(message)
            }
        }
        self.messages = rest
        return claimed
    }

    /// Takes all messages, and keeps no further ones.
    mutating func giveUp() -> [Message] {
        defer { self = UnclaimedMessages() }
        return Array(self.messages)
    }
}
