// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// Numbers for filters that overlap, so that each subscription takes its own copy of a message (MQTT 5.0, 3.3.4).
///
/// A 5.0 server may send a message once for every filter that matches, or once for all of them. Both ways it names the
/// subscription identifiers of the filters that a copy is for. Filters that overlap no other get none: their messages stay
/// as small as they can be. Beyond 4,096 filters overlaps are not looked for.
package struct OverlapIdentifiers: Sendable {
    private var marks: [TopicFilter: UInt32] = [:]
    private var numbers: Set<UInt32> = []
    private var next: UInt32

    private static let limit = 4_096
    private static let largest: UInt32 = 268_435_455

    /// Starts somewhere: what an earlier process marked must not be taken for ours.
    package init(seed: UInt64) {
        var random = SplitMix64(state: seed)
        self.next = UInt32(truncatingIfNeeded: random.next() % UInt64(Self.largest / 2)) + Self.largest / 2
    }

    package var isEmpty: Bool { self.marks.isEmpty }

    /// The identifier to subscribe with.
    package func number(of filter: TopicFilter) -> UInt32? { self.marks[filter] }

    /// Notes new filters; gives those of the others that have to be asked for again, with a number.
    package mutating func add(_ new: [TopicFilter], beside others: some Collection<TopicFilter>) -> [TopicFilter] {
        guard others.count + new.count <= Self.limit else { return [] }
        var again: [TopicFilter] = []
        for (index, filter) in new.enumerated() where self.marks[filter] == nil {
            let overlapping = others.filter { $0 != filter && filter.overlaps($0) }
            let isAmongOwn =
                new[..<index].contains { $0 != filter && filter.overlaps($0) }
                || new[(index + 1)...].contains { $0 != filter && filter.overlaps($0) }
            guard !overlapping.isEmpty || isAmongOwn else { continue }
            for other in overlapping where self.marks[other] == nil {
                self.mark(other)
                again.append(other)
            }
            self.mark(filter)
            if others.contains(filter) { again.append(filter) }
        }
        return again
    }

    /// Nobody uses the filter any more.
    package mutating func remove(_ filter: TopicFilter) {
        if let number = self.marks.removeValue(forKey: filter) { self.numbers.remove(number) }
    }

    package mutating func removeAll() {
        self.marks = [:]
        self.numbers = []
    }

    /// Which of the filters that match a copy is for; nil when the copy does not say.
    package func isMeant(identifiers: [UInt32]) -> ((TopicFilter) -> Bool)? {
        let known = identifiers.filter(self.numbers.contains)
        guard !known.isEmpty else { return nil }
        // What is not marked may have been merged into this copy.
        return { filter in self.marks[filter].map(known.contains) ?? true }
    }

    private mutating func mark(_ filter: TopicFilter) {
        self.next = self.next > 1 ? self.next - 1 : Self.largest
        self.marks[filter] = self.next
        self.numbers.insert(self.next)
    }
}
