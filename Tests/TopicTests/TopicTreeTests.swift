// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MQTTWire

@Suite struct TopicTreeTests {
    @Test func `a new tree is empty and matches nothing`() {
        let tree = TopicTree<Int>()
        #expect(tree.isEmpty)
        #expect(tree.matches("a").isEmpty)
    }

    @Test func `every value of every matching filter is found once`() throws {
        var tree = TopicTree<Int>()
        let filters = [
            "a/b", "a/+", "+/b", "+/+", "#", "a/#", "+/#", "a/b/#", "a/b", "$share/g/a/b", "b/b", "a", "a/b/c",
        ]
        for (value, filter) in filters.enumerated() { tree.insert(value, for: try TopicFilter(filter)) }
        #expect(tree.count == filters.count)
        #expect(tree.matches("a/b") == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
        #expect(tree.matches("a/b/c") == [4, 5, 6, 7, 12])
        #expect(tree.matches("a") == [4, 5, 6, 11])
        #expect(tree.matches("$a") == [])
    }

    @Test func `removing takes the values asked for and leaves the others`() throws {
        var tree = TopicTree<Int>()
        let filter = try TopicFilter("a/+/c")
        for value in 0..<4 { tree.insert(value, for: filter) }
        tree.removeAll(for: filter) { $0 % 2 == 0 }
        #expect(tree.matches("a/b/c") == [1, 3])
        #expect(tree.count == 2)
        tree.removeAll(for: try TopicFilter("a/+")) { _ in true }
        tree.removeAll(for: try TopicFilter("a/+/#")) { _ in true }
        tree.removeAll(for: try TopicFilter("x/+/c")) { _ in true }
        #expect(tree.count == 2)
        tree.removeAll(for: filter) { _ in true }
        #expect(tree.isEmpty)
        #expect(tree.matches("a/b/c").isEmpty)
    }

    @Test func `removing the last value of a filter frees the levels nobody else needs`() throws {
        var tree = TopicTree<Int>()
        tree.insert(1, for: try TopicFilter("a/b/c/d"))
        tree.insert(2, for: try TopicFilter("a/b"))
        tree.insert(3, for: try TopicFilter("a/+/x/#"))
        #expect(tree.nodeCount == 6)
        tree.removeAll(for: try TopicFilter("a/b/c/d")) { _ in true }
        #expect(tree.nodeCount == 4)
        tree.removeAll(for: try TopicFilter("a/b")) { _ in true }
        #expect(tree.nodeCount == 3)
        tree.removeAll(for: try TopicFilter("a/+/x/#")) { _ in true }
        #expect(tree.nodeCount == 0)
        #expect(tree.isEmpty)
    }

    @Test func `a copy is not changed by the original`() throws {
        var tree = TopicTree<Int>()
        tree.insert(1, for: try TopicFilter("a/#"))
        let copy = tree
        tree.removeAll(for: try TopicFilter("a/#")) { _ in true }
        #expect(copy.matches("a/b") == [1])
        #expect(tree.matches("a/b") == [])
    }

    @Test func `topics that differ only in normalization have branches of their own`() throws {
        var tree = TopicTree<Int>()
        tree.insert(1, for: try TopicFilter("caf\u{E9}/+"))
        tree.insert(2, for: try TopicFilter("cafe\u{301}/+"))
        #expect(tree.matches("caf\u{E9}/a") == [1])
        #expect(tree.matches("cafe\u{301}/a") == [2])
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `a tree agrees with trying every filter, while filters come and go`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var tree = TopicTree<Int>()
        var filters: [(value: Int, filter: TopicFilter)] = []
        for step in 0..<1_500 {
            if Int.random(in: 0..<5, using: &random) < 3 {
                let filter = try TopicFilter(random.filter())
                filters.append((step, filter))
                tree.insert(step, for: filter)
            } else if let index = filters.indices.randomElement(using: &random) {
                let (value, filter) = filters.remove(at: index)
                tree.removeAll(for: filter) { $0 == value }
            }
            let topic = random.topic()
            let expected = filters.filter { $0.filter.matches(topic) }.map(\.value)
            #expect(tree.matches(topic) == expected, "\(topic)")
            #expect(tree.count == filters.count)
        }
        for (value, filter) in filters { tree.removeAll(for: filter) { $0 == value } }
        #expect(tree.isEmpty)
        #expect(tree.nodeCount == 0)
    }

    @Test func `a hundred thousand wildcard filters are inserted, matched and removed`() throws {
        var tree = TopicTree<Int>()
        let filters = try (0..<100_000).map { try TopicFilter("site/+/device-\($0)/\($0 % 2 == 0 ? "#" : "+/state")") }
        for (value, filter) in filters.enumerated() { tree.insert(value, for: filter) }
        #expect(tree.count == 100_000)
        for value in stride(from: 0, to: 100_000, by: 101) {
            #expect(tree.matches("site/7/device-\(value)/valve/state") == [value])
        }
        #expect(tree.matches("site/7/device-100000/valve/state") == [])
        for (value, filter) in filters.enumerated() { tree.removeAll(for: filter) { $0 == value } }
        #expect(tree.nodeCount == 0)
    }

    @Test func `a hundred thousand plus nodes beside one another are all found`() throws {
        var tree = TopicTree<Int>()
        // Every filter of 16 levels of "a" and "+": 65,536 of them agree with the one topic.
        for bits in 0..<65_536 {
            let levels = (0..<16).map { bits >> $0 & 1 == 0 ? "a" : "+" }
            tree.insert(1, for: try TopicFilter(levels.joined(separator: "/")))
        }
        var found = 0
        tree.forEachMatch(Array(repeating: "a", count: 16).joined(separator: "/")) { found += $0 }
        #expect(found == 65_536)
    }

    @Test func `the deepest topics and filters need neither recursion nor exponential time`() throws {
        var tree = TopicTree<Int>()
        tree.insert(1, for: try TopicFilter(Array(repeating: "+", count: 32_768).joined(separator: "/")))
        tree.insert(2, for: try TopicFilter(Array(repeating: "+", count: 32_767).joined(separator: "/") + "/#"))
        tree.insert(3, for: try TopicFilter(Array(repeating: "a", count: 32_768).joined(separator: "/")))
        tree.insert(4, for: try TopicFilter(String(repeating: "/", count: 65_535)))
        for length in 1...100 {
            tree.insert(5, for: try TopicFilter(Array(repeating: "+", count: length).joined(separator: "/") + "/a"))
        }
        #expect(tree.matches(Array(repeating: "a", count: 32_768).joined(separator: "/")) == [1, 2, 3])
        #expect(tree.matches(String(repeating: "/", count: 65_535)) == [2, 4])
        #expect(tree.matches(String(repeating: "a/", count: 30) + "a") == [5])
    }
}

extension TopicTree where Value == Int {
    /// The values that `topic` finds, sorted.
    fileprivate func matches(_ topic: String) -> [Int] {
        var found: [Int] = []
        self.forEachMatch(topic) { found.append($0) }
        return found.sorted()
    }
}

/// SplitMix64, and what it makes topics of: few names, so that much of it matches.
private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    private mutating func levels(of names: [String]) -> [String] {
        (0..<Int.random(in: 1...5, using: &self)).map { _ in
            let index = Int.random(in: 0..<names.count, using: &self)
            return names[index]
        }
    }

    mutating func topic() -> String {
        let topic = self.levels(of: ["a", "b", "", "$SYS", "é", "a-name-longer-than-eight"]).joined(separator: "/")
        return topic.isEmpty ? "/" : topic
    }

    mutating func filter() -> String {
        let prefix = ["", "", "", "$share/g/", "$queue/"][Int.random(in: 0..<5, using: &self)]
        var levels = self.levels(of: ["a", "b", "", "$SYS", "é", "a-name-longer-than-eight", "+", "+", "+"])
        if Int.random(in: 0..<3, using: &self) == 0 { levels.append("#") }
        let filter = levels.joined(separator: "/")
        return prefix + (filter.isEmpty ? "#" : filter)
    }
}
