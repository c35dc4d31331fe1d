// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

extension Workloads {
    /// From the first message to the last.
    func receive(_ client: MQTTClient<Version>) async throws {
        let base = Measurement.residentKilobytes()
        let beginning = Measurement()
        let subscriptions = try await self.subscriptions(of: client)
        let took = beginning.seconds
        let grew = Measurement.residentKilobytes() - base
        let more = [("subscribe_ms", took * 1e3), ("subscribed_kb", Double(grew))]
        if subscriptions.count == 1 {
            try await self.receive(from: subscriptions[0], more: more)
        } else {
            try await self.receive(from: subscriptions, more: more)
        }
        withExtendedLifetime(subscriptions) {}
    }

    private func receive(from messages: MQTTSubscription, more: [(String, Double)]) async throws {
        var left = self.count + 1
        if self.takesBatches {
            var batches = messages.batches.makeAsyncIterator()
            left -= try await batches.next()?.count ?? 0
            let measurement = Measurement()
            while left > 0, let batch = try await batches.next() { left -= batch.count }
            measurement.report(messages: self.count, more: more)
        } else {
            _ = try await messages.next()
            left -= 1
            let measurement = Measurement()
            for try await _ in messages {
                left -= 1
                if left <= 0 { break }
            }
            measurement.report(messages: self.count, more: more)
        }
    }

    /// A consumer of its own for each subscription.
    private func receive(from subscriptions: [MQTTSubscription], more: [(String, Double)]) async throws {
        let tally = Tally(self.count + 1)
        await withThrowingTaskGroup(of: Void.self) { group in
            for subscription in subscriptions {
                group.addTask { try await self.consume(subscription, tally) }
            }
            await tally.wait().report(messages: self.count, more: more)
            group.cancelAll()
            while await group.nextResult() != nil {}
        }
    }

    func consume(_ subscription: MQTTSubscription, _ tally: Tally) async throws {
        if self.takesBatches {
            for try await batch in subscription.batches { tally.took(batch.count) }
        } else {
            for try await _ in subscription { tally.took(1) }
        }
    }

    /// Connects, and subscribes to bench/#, or to `filters` filters shared among `subs` subscriptions.
    private func subscriptions(of client: MQTTClient<Version>) async throws -> [MQTTSubscription] {
        let count = self.arguments.number("filters", 1)
        let isDeclared = self.arguments.number("declare", 0) == 1
        if !isDeclared { try await client.connect() }
        guard count > 1 else {
            if !isDeclared { return [try await client.subscribe(to: "bench/#", qos: self.qos)] }
            let messages = try client.declareSubscription(to: "bench/#", qos: self.qos)
            try await client.connect()
            return [messages]
        }
        let end = self.arguments.number("wild", 0) == 1 ? "/+" : ""
        let share = max(count / max(self.arguments.number("subs", count), 1), 1)
        var parts: [[String]] = []
        for first in stride(from: 0, to: count, by: share) {
            parts.append((first..<min(first + share, count)).map { "bench/t\($0)\(end)" })
        }
        guard !isDeclared else {
            let all = try parts.map { try client.declareSubscription(to: $0, qos: self.qos) }
            try await client.connect()
            return all
        }
        return try await self.subscribe(client, to: parts)
    }

    /// Many requests at once: none has to wait for the answer to the one before.
    private func subscribe(_ client: MQTTClient<Version>, to parts: [[String]]) async throws -> [MQTTSubscription] {
        try await withThrowingTaskGroup(of: MQTTSubscription.self) { group in
            var all: [MQTTSubscription] = []
            for (index, part) in parts.enumerated() {
                if index >= 1_000, let subscription = try await group.next() { all.append(subscription) }
                group.addTask { try await client.subscribe(to: part, qos: self.qos) }
            }
            for try await subscription in group { all.append(subscription) }
            return all
        }
    }
}
