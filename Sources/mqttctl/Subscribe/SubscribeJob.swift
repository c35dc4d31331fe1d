// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

/// Subscribes and prints what comes.
///
/// A message is acknowledged when it was printed, so that a session that is kept (`-c`) loses none: what was not printed comes
/// again the next time.
struct SubscribeJob: SessionJob {
    let filters: [String]
    let excluded: [TopicFilter]
    let qos: QoS
    /// How many messages to print; nil is without end.
    let limit: Int?
    /// Print no retained messages.
    let skipsRetained: Bool
    /// Subscribe and end.
    let endsWhenSubscribed: Bool
    /// The broker keeps the session.
    let keepsSession: Bool
    /// Say on standard error when the broker has accepted the filters.
    let announces: Bool
    let formatter: MessageFormatter

    var longestOutage: Duration? { nil }

    var hasEnd: Bool { self.limit != nil || self.endsWhenSubscribed }

    func run<Version: MQTTVersion>(on client: MQTTClient<Version>) async throws {
        let subscription = try await self.subscribe(client)
        if self.endsWhenSubscribed {
            // The answer to a declared subscription is not told, but it comes before that to a ping sent after it.
            if self.keepsSession {
                try await client.ping()
                try await Self.check(subscription)
            }
        } else {
            try await self.print(subscription)
        }
        // Disconnected first, the subscription says nothing more to the broker: neither that it ends, nor that messages
        // nobody saw were taken.
        await client.disconnect()
        withExtendedLifetime(subscription) {}
    }

    /// A session that is kept sends its backlog at once: the subscription has to be there before the connection.
    private func subscribe<Version: MQTTVersion>(
        _ client: MQTTClient<Version>
    ) async throws(MQTTError) -> MQTTSubscription {
        let settings = SubscriptionSettings(acknowledgement: .manual)
        guard self.keepsSession else {
            try await client.connect()
            let subscription = try await client.subscribe(to: self.filters, qos: self.qos, settings: settings)
            if self.announces { self.announce(subscription) }
            return subscription
        }
        let subscription = try client.declareSubscription(to: self.filters, qos: self.qos, settings: settings)
        try await client.connect()
        return subscription
    }

    /// Throws what ended a subscription, if something did.
    private static func check(_ subscription: MQTTSubscription) async throws {
        // Asked by a task that is cancelled before it can wait.
        let question = Task { try await subscription.next() }
        question.cancel()
        do {
            _ = try await question.value
        } catch let error as MQTTError where error.code == .cancelled {
            return
        }
    }

    private func announce(_ subscription: MQTTSubscription) {
        let granted = zip(self.filters, subscription.reasons).map { "\($0.debugDescription) with QoS \($1.rawValue)" }
        OutputFile.standardError.writeLine("mqttctl: subscribed to " + granted.joined(separator: ", "))
    }

    private func print(_ subscription: MQTTSubscription) async throws {
        var remaining = self.limit ?? .max
        var bytes: [UInt8] = []
        for try await batch in subscription.batches {
            var handled = 0
            bytes.removeAll(keepingCapacity: true)
            for message in batch where remaining > 0 {
                handled += 1
                guard self.isWanted(message) else { continue }
                self.formatter.append(ReceivedMessage(message), to: &bytes)
                if self.limit != nil { remaining -= 1 }
                // A line at a time for somebody who watches.
                if self.formatter.isTerminal {
                    try await OutputFile.standardOutput.write(bytes)
                    bytes.removeAll(keepingCapacity: true)
                }
            }
            try await OutputFile.standardOutput.write(bytes)
            for message in batch.prefix(handled) { message.acknowledge() }
            if remaining == 0 { return }
        }
    }

    private func isWanted(_ message: MQTTMessage) -> Bool {
        if self.skipsRetained, message.retain { return false }
        return !self.excluded.contains { $0.matches(message.topic) }
    }
}
