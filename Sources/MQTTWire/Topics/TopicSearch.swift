// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A look into the nodes of a ``TopicTree``, for as long as they do not change.
struct TopicSearch {
    let nodes: UnsafeBufferPointer<TopicNodes.Node>
    let labels: UnsafeRawBufferPointer
    let table: TopicNodeTable.Reader
    /// How many nodes stand for a `+`.
    let plusNodes: Int
    let seed: UInt64

    /// Calls `body` with every entry whose filter matches `topic`.
    ///
    /// Goes down level by level with all nodes that agree with the topic so far. A node is reached by one way only, so
    /// the work is bounded by the number of nodes, whatever the wildcards.
    func forEachMatch(_ topic: UnsafeRawBufferPointer, _ body: (Int) -> Void) {
        guard let first = topic.first else { return }
        // MQTT 5.0, 4.7.2: a wildcard in front does not match the server's own topics.
        let isServerTopic = first == TopicBytes.dollar
        if self.nodes[0].isMultiLevelEntry, !isServerTopic { body(1) }
        let width = self.maximumWidth(for: topic)
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: 2 * width) { scratch in
            scratch.initializeElement(at: 0, to: TopicNodes.root)
            var level = Level(scratch: scratch, width: width)
            var start = 0
            repeat {
                let end = TopicBytes.endOfLevel(in: topic, from: start)
                let label = UnsafeRawBufferPointer(rebasing: topic[start..<end])
                self.descend(&level, to: label, takesPlus: start > 0 || !isServerTopic, body)
                start = end + 1
            } while start <= topic.count && level.count > 0
            for index in 0..<level.count where self.nodes[Int(level[index])].isEntry {
                body(2 * Int(level[index]))
            }
        }
    }

    /// The nodes that agree with the topic so far, and room for those of the next level.
    private struct Level {
        let scratch: UnsafeMutableBufferPointer<Int32>
        let width: Int
        var start = 0
        var count = 1
        var nextCount = 0

        init(scratch: UnsafeMutableBufferPointer<Int32>, width: Int) {
            self.scratch = scratch
            self.width = width
        }

        subscript(index: Int) -> Int32 { self.scratch[self.start + index] }

        mutating func appendToNext(_ node: Int32) {
            self.scratch[self.width - self.start + self.nextCount] = node
            self.nextCount += 1
        }

        mutating func advance() {
            self.start = self.width - self.start
            self.count = self.nextCount
            self.nextCount = 0
        }
    }

    /// A level holds at most twice the nodes of the level above, and one more than there are `+` in the whole tree.
    private func maximumWidth(for topic: UnsafeRawBufferPointer) -> Int {
        guard self.plusNodes > 0 else { return 1 }
        var doublings = 1
        for byte in topic where byte == TopicBytes.slash { doublings += 1 }
        return doublings < 24 ? min(self.plusNodes + 1, 1 << doublings) : self.plusNodes + 1
    }

    @inline(__always)
    private func descend(
        _ level: inout Level,
        to label: UnsafeRawBufferPointer,
        takesPlus: Bool,
        _ body: (Int) -> Void
    ) {
        let hash = TopicBytes.hash(of: label, seed: self.seed)
        for index in 0..<level.count {
            let parent = level[index]
            if self.nodes[Int(parent)].namedChildren > 0,
                let child = self.child(of: parent, named: label, hash: hash)
            {
                level.appendToNext(child)
                if self.nodes[Int(child)].isMultiLevelEntry { body(2 * Int(child) + 1) }
            }
            let plusChild = self.nodes[Int(parent)].plusChild
            if takesPlus, plusChild != TopicNodes.none {
                level.appendToNext(plusChild)
                if self.nodes[Int(plusChild)].isMultiLevelEntry { body(2 * Int(plusChild) + 1) }
            }
        }
        level.advance()
    }

    func child(of parent: Int32, named label: UnsafeRawBufferPointer, hash: UInt64) -> Int32? {
        self.table.node(hash: Self.slotHash(hash, parent: parent)) { candidate in
            let node = self.nodes[Int(candidate)]
            guard node.parent == parent, Int(node.labelLength) == label.count else { return false }
            let range = node.labelStart..<node.labelStart + label.count
            return TopicBytes.areEqual(UnsafeRawBufferPointer(rebasing: self.labels[range]), label)
        }
    }

    static func slotHash(_ labelHash: UInt64, parent: Int32) -> UInt32 {
        UInt32(truncatingIfNeeded: TopicBytes.mix(labelHash ^ UInt64(UInt32(bitPattern: parent)) << 32))
    }
}
