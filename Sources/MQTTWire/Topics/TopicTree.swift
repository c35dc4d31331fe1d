// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Values kept under topic filters, to find those whose filter matches a topic.
///
/// Matching visits only the levels that agree with the topic so far, each once, so that it does not depend on how many
/// other filters there are. It does not recurse and creates no strings.
package struct TopicTree<Value: Sendable>: Sendable {
    // Generic code of another module is slow, so all the work per level is in a type that is not generic.
    /// The filters.
    private var nodes = TopicNodes()

    /// The values, by the entry numbers of ``nodes``.
    private var values: [[Value]] = []

    /// How many values there are.
    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { self.count == 0 }

    /// Adds `value` to those of `filter`; it is given to ``forEachMatch(_:_:)`` as often as it was inserted.
    ///
    /// Filters that differ only in what topics are not compared with, such as their share names, share an entry.
    package mutating func insert(_ value: Value, for filter: TopicFilter) {
        let entry = self.nodes.insert(filter)
        while self.values.count <= entry { self.values.append([]) }
        self.values[entry].append(value)
        self.count += 1
    }

    /// Removes the values of `filter`, or of one that shares its entry, for which `isRemoved` is true.
    package mutating func removeAll(for filter: TopicFilter, where isRemoved: (Value) -> Bool) {
        guard let entry = self.nodes.entry(of: filter) else { return }
        let before = self.values[entry].count
        self.values[entry].removeAll(where: isRemoved)
        self.count -= before - self.values[entry].count
        if self.values[entry].isEmpty {
            self.values[entry] = []
            self.nodes.remove(entry: entry)
        }
    }

    /// Calls `body` with every value whose filter matches `topic`, in no particular order.
    package func forEachMatch(_ topic: String, _ body: (Value) -> Void) {
        guard self.count > 0 else { return }
        self.values.withUnsafeBufferPointer { values in
            TopicBytes.with(topic) { topic in
                self.nodes.forEachMatch(topic) { entry in
                    for value in values[entry] { body(value) }
                }
            }
        }
    }

    /// How many levels of filters are held, for the tests of pruning.
    var nodeCount: Int { self.nodes.count }
}
