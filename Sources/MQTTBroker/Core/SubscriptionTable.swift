// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

/// All subscriptions, by their filters.
struct SubscriptionTable: Sendable {
    struct Entry: Sendable {
        let filter: TopicFilter
        /// Everybody who subscribes with this filter; empty for a shared one.
        var plain = MemberList()
        /// The group of a shared one.
        var group: SharedGroup?

        var isEmpty: Bool { self.plain.isEmpty && self.group?.isEmpty ?? true }
    }

    private var tree = TopicTree<Int>()
    private var entries: [Entry] = []
    private var places: [TopicFilter: Int] = [:]
    private var freePlaces: [Int] = []

    /// How many subscriptions there are.
    private(set) var count = 0
    /// How many filters are for the broker's own topics.
    private(set) var systemFilters = 0

    init() {}

    /// The entries whose filter matches a topic, in the order they came to be.
    func entries(matching topic: String) -> [Int] {
        var found: [Int] = []
        self.tree.forEachMatch(topic) { found.append($0) }
        if found.count > 1 { found.sort() }
        return found
    }

    subscript(entry: Int) -> Entry { self.entries[entry] }

    func entry(of filter: TopicFilter) -> Int? { self.places[filter] }

    /// Adds a subscription or replaces one (MQTT-3.8.4-3); true when it is new.
    mutating func set(_ subscriber: Subscriber, for filter: TopicFilter, isOnline: Bool) -> Bool {
        let place = self.place(of: filter)
        let isNew =
            filter.shareName == nil
            ? self.entries[place].plain.set(subscriber)
            : self.entries[place].group?.set(subscriber, isOnline: isOnline) ?? false
        if isNew { self.count += 1 }
        return isNew
    }

    mutating func remove(slot: Int, from filter: TopicFilter) {
        guard let place = self.places[filter] else { return }
        let wasThere =
            self.entries[place].plain.remove(slot: slot) != nil
            || self.entries[place].group?.remove(slot: slot) ?? false
        if wasThere { self.count -= 1 }
        guard self.entries[place].isEmpty else { return }
        self.tree.removeAll(for: filter) { $0 == place }
        self.places[filter] = nil
        self.freePlaces.append(place)
        if filter.pattern.isSystemTopic { self.systemFilters -= 1 }
    }

    mutating func setOnline(_ isOnline: Bool, slot: Int, in filter: TopicFilter) {
        guard let place = self.places[filter] else { return }
        self.entries[place].group?.setOnline(isOnline, slot: slot)
    }

    mutating func tookTurn(entry: Int, offset: Int) { self.entries[entry].group?.tookTurn(offset: offset) }

    private mutating func place(of filter: TopicFilter) -> Int {
        if let place = self.places[filter] { return place }
        let entry = Entry(filter: filter, group: filter.shareName == nil ? nil : SharedGroup())
        let place: Int
        if let free = self.freePlaces.popLast() {
            place = free
            self.entries[place] = entry
        } else {
            place = self.entries.count
            self.entries.append(entry)
        }
        self.places[filter] = place
        self.tree.insert(place, for: filter)
        if filter.pattern.isSystemTopic { self.systemFilters += 1 }
        return place
    }
}
