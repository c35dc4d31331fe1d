// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire

/// The messages of one buffer while the engine decides where they go.
struct Arrivals {
    private var entries: [MessageRun.Entry] = []
    private var sources: [SubscriptionCore] = []
    /// The place of a subscription in ``sources``, by its number, and how many messages it gets.
    private var places: [(source: UInt32, isKnown: Bool)] = []
    private var counts: [Int] = []
    /// The subscriptions of ``sources``, by their numbers.
    private var numbers: [Int] = []
    private var lastNumber = -1
    private var lastSource: UInt32 = 0

    /// So many packets are going to be looked at.
    mutating func begin(count: Int) { self.entries.reserveCapacity(count) }

    /// Adds a message for a subscription; one that has ended gets nothing.
    @inline(__always)
    mutating func add(
        _ publish: PacketBurst.Entry,
        for destination: Destination,
        _ token: DeliveryToken?,
        among subscriptions: [SubscriptionCore?]
    ) {
        let number = Int(destination.subscription.rawValue)
        if number != self.lastNumber {
            guard let core = subscriptions[number] else { return }
            self.select(number, core)
        }
        let source = self.lastSource
        let token = destination.acknowledgesLater ? token : nil
        self.counts[Int(source)] += 1
        self.entries.append(MessageRun.Entry(publish, filter: destination.filter, source: source, token: token))
    }

    private mutating func select(_ number: Int, _ core: SubscriptionCore) {
        while self.places.count <= number { self.places.append((0, false)) }
        if !self.places[number].isKnown {
            self.places[number] = (UInt32(truncatingIfNeeded: self.sources.count), true)
            self.sources.append(core)
            self.numbers.append(number)
            self.counts.append(0)
        }
        self.lastNumber = number
        self.lastSource = self.places[number].source
    }

    /// Takes everything, those of a subscription next to one another, in the order they came.
    mutating func take(of burst: PacketBurst) -> MessageRun? {
        guard !self.entries.isEmpty else { return nil }
        if self.sources.count > 1 { self.sort() }
        let run = MessageRun(self.entries, of: burst, for: self.sources)
        for number in self.numbers { self.places[number].isKnown = false }
        self.entries = []
        self.sources = []
        self.counts.removeAll(keepingCapacity: true)
        self.numbers.removeAll(keepingCapacity: true)
        self.lastNumber = -1
        return run
    }

    /// Puts each message where its subscription's part begins: one pass, however many subscriptions there are.
    private mutating func sort() {
        var start = 0
        for source in self.counts.indices {
            let count = self.counts[source]
            self.counts[source] = start
            start += count
        }
        let unsorted = self.entries
        for entry in unsorted {
            let place = self.counts[Int(entry.source)]
            self.counts[Int(entry.source)] = place + 1
            self.entries[place] = entry
        }
    }
}
