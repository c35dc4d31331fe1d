// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The filters of a ``TopicTree``: one node per level, in one array, found through one hash table.
///
/// A node is a level of a filter below the levels before it. What is stored under a filter has an *entry* number, two
/// for each node: an even one for the filter that ends there, an odd one for the filter that goes on with a last `#`.
struct TopicNodes: Sendable {
    struct Node {
        var parent: Int32
        /// The child for the level `+`, which is not in the table.
        var plusChild = TopicNodes.none
        var namedChildren: Int32 = 0
        var isEntry = false
        var isMultiLevelEntry = false
        var labelLength: UInt16
        var labelStart: Int

        var isUnused: Bool {
            !self.isEntry && !self.isMultiLevelEntry && self.namedChildren == 0 && self.plusChild == TopicNodes.none
        }
    }

    static let none: Int32 = -1
    static let root: Int32 = 0

    private var nodes: [Node]
    private var unused: [Int32] = []
    /// The names of all nodes, one behind the other, so that a node owns no memory.
    private var labels: [UInt8] = []
    private var unusedLabelBytes = 0
    private var plusNodes = 0
    private var table = TopicNodeTable()
    private let seed = TopicBytes.seed

    init() {
        self.nodes = [Node(parent: Self.none, labelLength: 0, labelStart: 0)]
    }

    /// How many levels are held.
    var count: Int { self.nodes.count - 1 - self.unused.count }

    /// Calls `body` with every entry whose filter matches `topic`.
    func forEachMatch(_ topic: UnsafeRawBufferPointer, _ body: (Int) -> Void) {
        self.search { $0.forEachMatch(topic, body) }
    }

    /// Reads through pointers, as indexing the arrays level by level would retain them level by level.
    @inline(__always)
    private func search<Result>(_ body: (TopicSearch) -> Result) -> Result {
        self.nodes.withUnsafeBufferPointer { nodes in
            self.labels.withUnsafeBytes { labels in
                self.table.withReader { table in
                    body(
                        TopicSearch(
                            nodes: nodes,
                            labels: labels,
                            table: table,
                            plusNodes: self.plusNodes,
                            seed: self.seed
                        )
                    )
                }
            }
        }
    }
}

// MARK: - Inserting and removing

extension TopicNodes {
    /// The entry of `filter`, made when it is missing.
    mutating func insert(_ filter: TopicFilter) -> Int {
        let entry = TopicBytes.with(filter.string) { string in
            var node = Self.root
            var start = Int(filter.patternStart)
            while start <= Self.endOfNames(in: string, of: filter) {
                let end = TopicBytes.endOfLevel(in: string, from: start)
                let label = UnsafeRawBufferPointer(rebasing: string[start..<end])
                node = self.child(of: node, label) ?? self.addChild(of: node, label)
                start = end + 1
            }
            return Self.entry(of: node, filter)
        }
        self.setIsEntry(entry, true)
        return entry
    }

    /// The entry of `filter`, if there is one.
    func entry(of filter: TopicFilter) -> Int? {
        TopicBytes.with(filter.string) { string in
            var node = Self.root
            var start = Int(filter.patternStart)
            while start <= Self.endOfNames(in: string, of: filter) {
                let end = TopicBytes.endOfLevel(in: string, from: start)
                guard let child = self.child(of: node, UnsafeRawBufferPointer(rebasing: string[start..<end])) else {
                    return nil
                }
                node = child
                start = end + 1
            }
            let found = self.nodes[Int(node)]
            let isPresent = filter.endsInMultiLevelWildcard ? found.isMultiLevelEntry : found.isEntry
            return isPresent ? Self.entry(of: node, filter) : nil
        }
    }

    /// Forgets an entry, and the nodes nobody needs without it.
    mutating func remove(entry: Int) {
        self.setIsEntry(entry, false)
        var node = Int32(entry / 2)
        while node != Self.root, self.nodes[Int(node)].isUnused {
            let parent = self.nodes[Int(node)].parent
            self.removeChild(node, of: parent)
            node = parent
        }
        if self.unusedLabelBytes > 4_096, self.unusedLabelBytes > self.labels.count / 2 { self.compactLabels() }
    }

    private static func entry(of node: Int32, _ filter: TopicFilter) -> Int {
        2 * Int(node) + (filter.endsInMultiLevelWildcard ? 1 : 0)
    }

    /// The last offset at which a level that has a node may begin: a last `#` has none.
    private static func endOfNames(in string: UnsafeRawBufferPointer, of filter: TopicFilter) -> Int {
        // "a/#" has a level at 0; "a/" has levels at 0 and 2; "#" has none.
        filter.endsInMultiLevelWildcard ? string.count - 2 : string.count
    }

    private mutating func setIsEntry(_ entry: Int, _ isEntry: Bool) {
        if entry % 2 == 0 {
            self.nodes[entry / 2].isEntry = isEntry
        } else {
            self.nodes[entry / 2].isMultiLevelEntry = isEntry
        }
    }

    private static func isPlus(_ label: UnsafeRawBufferPointer) -> Bool {
        label.count == 1 && label[0] == TopicBytes.plus
    }

    private func child(of parent: Int32, _ label: UnsafeRawBufferPointer) -> Int32? {
        if Self.isPlus(label) {
            let child = self.nodes[Int(parent)].plusChild
            return child == Self.none ? nil : child
        }
        let hash = TopicBytes.hash(of: label, seed: self.seed)
        return self.search { $0.child(of: parent, named: label, hash: hash) }
    }

    private mutating func addChild(of parent: Int32, _ label: UnsafeRawBufferPointer) -> Int32 {
        let isPlus = Self.isPlus(label)
        // Of a filter, so at most 65,535 bytes long.
        let node = Node(
            parent: parent,
            labelLength: isPlus ? 0 : UInt16(label.count),
            labelStart: self.labels.count
        )
        let index = self.unused.popLast() ?? Int32(self.nodes.count)
        if Int(index) == self.nodes.count {
            self.nodes.append(node)
        } else {
            self.nodes[Int(index)] = node
        }
        if isPlus {
            self.nodes[Int(parent)].plusChild = index
            self.plusNodes += 1
        } else {
            self.labels.append(contentsOf: label)
            self.nodes[Int(parent)].namedChildren += 1
            self.table.insert(index, hash: self.slotHash(of: index))
        }
        return index
    }

    private mutating func removeChild(_ node: Int32, of parent: Int32) {
        if self.nodes[Int(parent)].plusChild == node {
            self.nodes[Int(parent)].plusChild = Self.none
            self.plusNodes -= 1
        } else {
            self.table.remove(node, hash: self.slotHash(of: node))
            self.nodes[Int(parent)].namedChildren -= 1
            self.unusedLabelBytes += Int(self.nodes[Int(node)].labelLength)
        }
        self.nodes[Int(node)].labelLength = 0
        self.unused.append(node)
    }

    private func slotHash(of node: Int32) -> UInt32 {
        let node = self.nodes[Int(node)]
        let hash = self.labels.withUnsafeBytes { labels in
            let range = node.labelStart..<node.labelStart + Int(node.labelLength)
            return TopicBytes.hash(of: UnsafeRawBufferPointer(rebasing: labels[range]), seed: self.seed)
        }
        return TopicSearch.slotHash(hash, parent: node.parent)
    }

    private mutating func compactLabels() {
        var compacted: [UInt8] = []
        compacted.reserveCapacity(self.labels.count - self.unusedLabelBytes)
        for index in self.nodes.indices {
            let start = self.nodes[index].labelStart
            self.nodes[index].labelStart = compacted.count
            compacted.append(contentsOf: self.labels[start..<start + Int(self.nodes[index].labelLength)])
        }
        self.labels = compacted
        self.unusedLabelBytes = 0
    }
}
