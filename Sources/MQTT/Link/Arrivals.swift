// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire

/// The messages of one buffer while the engine decides where they go.
struct Arrivals {
    private var entries: [MessageRun.Entry] = []
    private var sources: [SubscriptionCore] = []
    /// The place of a subscription in ``sources``, by its number.
    private var places: [(source: UInt32, isKnown: Bool)] = []
    /// How many messages each of ``sources`` gets.
    private var counts: [Int] = []
    /// The subscriptions of ``sources``, by their numbers.
    private var numbers: [Int] = []
    private var selected = -1
    private var source: UInt32 = 0

    /// So many packets are going to be looked at.
    mutating func begin(count: Int) { self.entries.reserveCapacity(count) }

    /// Makes a subscription the one that ``add(_:for:_:)`` adds to; false when this buffer brought nothing for it yet.
    @inline(__always)
    mutating func select(_ number: Int) -> Bool {
        if number == self.selected { return true }
        guard number < self.places.count, self.places[number].isKnown else { return false }
        self.selected = number
        self.source = self.places[number].source
        return true
    }

    /// Makes a subscription known, and selects it.
    mutating func select(_ number: Int, _ core: SubscriptionCore) {
        while self.places.count <= number { self.places.append((0, false)) }
        self.places[number] = (UInt32(truncatingIfNeeded: self.sources.count), true)
        self.sources.append(core)
        self.numbers.append(number)
        self.counts.append(0)
        self.selected = number
        self.source = self.places[number].source
    }

    /// Adds a message for the selected subscription.
    @inline(__always)
    mutating func add(_ publish: PacketBurst.Entry, for destination: Destination, _ token: DeliveryToken?) {
        let token = destination.acknowledgesLater ? token : nil
        self.counts[Int(self.source)] += 1
        let entry = MessageRun.Entry(publish, filter: destination.filter, source: self.source, token: token)
        self.entries.append(entry)
    }

    /// Takes everything, those of a subscription next to one another, in the order they came.
    mutating func take(of burst: PacketBurst, now: Instant) -> MessageRun? {
        guard !self.entries.isEmpty else { return nil }
        if self.sources.count > 1 { self.sort() }
        let run = MessageRun(self.entries, of: burst, for: self.sources, at: now)
        for number in self.numbers { self.places[number].isKnown = false }
        self.entries = []
        self.sources = []
        self.counts.removeAll(keepingCapacity: true)
        self.numbers.removeAll(keepingCapacity: true)
        self.selected = -1
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
