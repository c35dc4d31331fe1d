// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The topic aliases that the server of one connection knows (MQTT 5.0, 3.3.2.3.4).
///
/// A message has to be written in the order it was asked about: what the server knows is what was written before. So the
/// aliases live with the outbox, begin when the server said how many it takes, and end with the connection.
package struct OutboundAliases: Sendable {
    /// A topic with the alias that is one more than its place.
    private struct Entry {
        var topic: String
        var hash: UInt64
        /// The neighbours in the order of use; ``none`` at the ends.
        var newer: Int
        var older: Int
        /// The next entry of the same bucket.
        var next: Int
    }

    private static let none = -1
    /// A name that takes no more bytes than the alias and its growing property length would gain nothing.
    private static let shortestName = 4

    /// Whether every message gets an alias, and not only those that ask for one.
    package private(set) var isAutomatic = false
    /// The highest alias the server takes.
    private var maximum: UInt16 = 0
    /// The largest packet the server takes.
    private var maximumPacketSize = 0
    /// How many topics may have one at a time.
    private var limit = 0
    private var entries: [Entry] = []
    /// The first entry of each bucket; a power of two of them, no fewer than entries.
    private var buckets: [Int] = []
    private var newest = Self.none
    private var oldest = Self.none
    /// The topics of aliases that messages asked for.
    private var requested: [UInt16: String] = [:]

    package init() {}

    /// A connection stands, whose server takes aliases up to a maximum; without a limit only messages that ask get one.
    package mutating func begin(maximum: UInt16, automaticLimit: UInt16?, maximumPacketSize: Int) {
        self.end()
        self.maximum = maximum
        self.maximumPacketSize = maximumPacketSize
        self.limit = Int(min(maximum, automaticLimit ?? 0))
        self.isAutomatic = self.limit > 0
    }

    /// The connection ended: its server knows nothing any more (MQTT-3.3.2-7).
    package mutating func end() { self = OutboundAliases() }

    /// How the next message is to name its topic; nil: by its name alone.
    ///
    /// It has to be written so: the server is taken to know it.
    package mutating func alias(for frame: PublishFrame) -> TopicAlias? {
        guard frame.requestedAlias == 0 else { return self.requestedAlias(for: frame) }
        return self.isAutomatic ? self.automaticAlias(for: frame) : nil
    }

    private mutating func requestedAlias(for frame: PublishFrame) -> TopicAlias? {
        let number = frame.requestedAlias
        guard number <= self.maximum, !self.isAutomatic else { return nil }
        let topic = frame.message.topic
        let isKnown = self.requested[number].map { TopicBytes.areEqual($0, topic) } ?? false
        let alias = TopicAlias(number, isKnown: isKnown)
        guard frame.size(with: alias) <= self.maximumPacketSize else { return nil }
        if !isKnown { self.requested[number] = topic }
        return alias
    }

    private mutating func automaticAlias(for frame: PublishFrame) -> TopicAlias? {
        // Mostly the topic of the message before.
        if self.newest >= 0, self.isTopic(frame.message.topic, ofEntry: self.newest) {
            return self.alias(ofEntry: self.newest, isKnown: true)
        }
        guard frame.message.topic.utf8.count >= Self.shortestName else { return nil }
        let hash = TopicBytes.with(frame.message.topic) { TopicBytes.hash(of: $0) }
        if let known = self.find(frame.message.topic, hash) {
            self.unlink(known)
            self.linkAsNewest(known)
            return self.alias(ofEntry: known, isKnown: true)
        }
        let place = self.entries.count < self.limit ? self.entries.count : self.oldest
        let alias = self.alias(ofEntry: place, isKnown: false)
        guard frame.size(with: alias) <= self.maximumPacketSize else { return nil }
        self.put(frame.message.topic, hash, at: place)
        return alias
    }

    private func alias(ofEntry place: Int, isKnown: Bool) -> TopicAlias {
        TopicAlias(UInt16(truncatingIfNeeded: place + 1), isKnown: isKnown)
    }

    private func isTopic(_ topic: String, ofEntry place: Int) -> Bool {
        TopicBytes.areEqual(self.entries[place].topic, topic)
    }
}

// MARK: - The table

extension OutboundAliases {
    private func find(_ topic: String, _ hash: UInt64) -> Int? {
        guard !self.buckets.isEmpty else { return nil }
        var place = self.buckets[self.bucket(of: hash)]
        while place >= 0 {
            if self.entries[place].hash == hash, self.isTopic(topic, ofEntry: place) { return place }
            place = self.entries[place].next
        }
        return nil
    }

    /// Puts a topic in a place that is new, or that of the topic used least recently.
    private mutating func put(_ topic: String, _ hash: UInt64, at place: Int) {
        let entry = Entry(topic: topic, hash: hash, newer: Self.none, older: Self.none, next: Self.none)
        if place == self.entries.count {
            self.entries.append(entry)
            if self.entries.count > self.buckets.count { self.growBuckets() } else { self.addToBucket(place) }
        } else {
            self.removeFromBucket(place)
            self.unlink(place)
            self.entries[place] = entry
            self.addToBucket(place)
        }
        self.linkAsNewest(place)
    }

    private func bucket(of hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (self.buckets.count - 1) }

    private mutating func addToBucket(_ place: Int) {
        let bucket = self.bucket(of: self.entries[place].hash)
        self.entries[place].next = self.buckets[bucket]
        self.buckets[bucket] = place
    }

    private mutating func removeFromBucket(_ place: Int) {
        let next = self.entries[place].next
        let bucket = self.bucket(of: self.entries[place].hash)
        var other = self.buckets[bucket]
        guard other != place else {
            self.buckets[bucket] = next
            return
        }
        while self.entries[other].next != place { other = self.entries[other].next }
        self.entries[other].next = next
    }

    private mutating func growBuckets() {
        self.buckets = Array(repeating: Self.none, count: max(16, 2 * self.buckets.count))
        for place in self.entries.indices { self.addToBucket(place) }
    }

    private mutating func unlink(_ place: Int) {
        let newer = self.entries[place].newer
        let older = self.entries[place].older
        if newer >= 0 { self.entries[newer].older = older } else { self.newest = older }
        if older >= 0 { self.entries[older].newer = newer } else { self.oldest = newer }
    }

    private mutating func linkAsNewest(_ place: Int) {
        self.entries[place].newer = Self.none
        self.entries[place].older = self.newest
        if self.newest >= 0 { self.entries[self.newest].newer = place } else { self.oldest = place }
        self.newest = place
    }
}
