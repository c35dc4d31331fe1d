// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

/// What the broker counts about itself.
struct BrokerStatistics: Sendable {
    private(set) var startedAt: NIODeadline?
    var connected = 0
    /// How many retained messages are the broker's own.
    var systemTopics = 0
    /// Packets of any kind.
    var received: UInt64 = 0
    var sent: UInt64 = 0

    mutating func begin(now: NIODeadline) { if self.startedAt == nil { self.startedAt = now } }
}

extension BrokerCore {
    static let systemInterval = TimeAmount.seconds(10)

    /// Somebody subscribes to the broker's own topics: from now on they are kept up to date.
    mutating func watchSystemTopics(now: NIODeadline) {
        let values = self.systemValues(now: now)
        for (topic, value) in values { self.retained.set(self.systemMessage(topic, value, now: now)) }
        self.statistics.systemTopics = values.count
        if !self.alarms.contains(.system) { self.alarms.set(.system, at: now + Self.systemInterval) }
    }

    /// Publishes the values anew while there is somebody to read them.
    mutating func refreshSystemTopics(now: NIODeadline) {
        guard self.subscriptions.systemFilters > 0 else { return }
        for (topic, value) in self.systemValues(now: now) {
            let message = self.systemMessage(topic, value, now: now)
            self.retained.set(message)
            _ = self.route(message, from: nil, now: now)
        }
        self.alarms.set(.system, at: now + Self.systemInterval)
    }

    private func systemMessage(_ topic: String, _ value: String, now: NIODeadline) -> BrokerMessage {
        let publish = Publish(topic: "$SYS/broker/" + topic, payload: ByteBuffer(string: value), retain: true)
        return BrokerMessage(publish, topic: publish.topic, publisher: nil, now: now)
    }

    private func systemValues(now: NIODeadline) -> [(topic: String, value: String)] {
        let uptime = now - (self.statistics.startedAt ?? now)
        return [
            ("version", "swift-mqtt"),
            ("uptime", "\(uptime.nanoseconds / 1_000_000_000) seconds"),
            ("clients/connected", String(self.statistics.connected)),
            ("clients/total", String(self.slots.count)),
            ("messages/received", String(self.statistics.received)),
            ("messages/sent", String(self.statistics.sent)),
            ("subscriptions/count", String(self.subscriptions.count)),
            ("retained messages/count", String(self.retained.count)),
        ]
    }
}
