// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

/// The retained messages, level by level of their topics, so that a filter finds its own without looking at all.
struct RetainedMessages: Sendable {
    private struct Node: Sendable {
        let label: UTF8Key
        let parent: Int
        var children: [UTF8Key: Int] = [:]
        var message: BrokerMessage?
        var order: UInt64 = 0
    }

    private var nodes: [Node] = [Node(label: UTF8Key(""), parent: 0)]
    private var freeNodes: [Int] = []
    private var lastOrder: UInt64 = 0
    private(set) var count = 0
    /// Payloads, topics, and what the levels take.
    private(set) var bytes = 0

    init() {}

    private static let bytesPerLevel = 128

    static func size(of message: BrokerMessage) -> Int {
        let levels = message.topic.utf8.count { $0 == UInt8(ascii: "/") } + 1
        return message.size + levels * Self.bytesPerLevel
    }

    func message(for topic: String) -> BrokerMessage? { self.node(of: topic).flatMap { self.nodes[$0].message } }

    /// Keeps a message in place of the one its topic had (MQTT-3.3.1-5).
    mutating func set(_ message: BrokerMessage) {
        var node = 0
        for level in message.topic.topicLevels { node = self.child(of: node, named: level) }
        if let old = self.nodes[node].message {
            self.bytes -= Self.size(of: old)
        } else {
            self.count += 1
        }
        self.bytes += Self.size(of: message)
        self.lastOrder &+= 1
        self.nodes[node].message = message
        self.nodes[node].order = self.lastOrder
    }

    /// Removes the message of a topic (MQTT-3.3.1-6).
    mutating func remove(_ topic: String) {
        guard var node = self.node(of: topic), let old = self.nodes[node].message else { return }
        self.nodes[node].message = nil
        self.count -= 1
        self.bytes -= Self.size(of: old)
        while node != 0, self.nodes[node].message == nil, self.nodes[node].children.isEmpty {
            let parent = self.nodes[node].parent
            self.nodes[parent].children[self.nodes[node].label] = nil
            self.freeNodes.append(node)
            node = parent
        }
    }

    /// The messages whose topics a filter matches, in the order they were published.
    func messages(matching filter: TopicFilter) -> [BrokerMessage] {
        guard filter.hasWildcards else { return self.message(for: filter.pattern).map { [$0] } ?? [] }
        let levels = filter.pattern.topicLevels
        var found: [(order: UInt64, message: BrokerMessage)] = []
        var open: [(node: Int, level: Int)] = [(0, 0)]
        while let (node, level) = open.popLast() {
            if level == levels.count {
                if let message = self.nodes[node].message { found.append((self.nodes[node].order, message)) }
            } else if levels[level].string == "#" {
                self.collect(below: node, into: &found)
            } else if levels[level].string == "+" {
                for (label, child) in self.nodes[node].children where self.mayMatch(label, below: node) {
                    open.append((child, level + 1))
                }
            } else if let child = self.nodes[node].children[levels[level]] {
                open.append((child, level + 1))
            }
        }
        return found.sorted { $0.order < $1.order }.map(\.message)
    }

    private func collect(below start: Int, into found: inout [(order: UInt64, message: BrokerMessage)]) {
        var open = [start]
        while let node = open.popLast() {
            if let message = self.nodes[node].message { found.append((self.nodes[node].order, message)) }
            for (label, child) in self.nodes[node].children where self.mayMatch(label, below: node) {
                open.append(child)
            }
        }
    }

    /// MQTT-4.7.2-1: a wildcard in front does not stand for `$…`.
    private func mayMatch(_ label: UTF8Key, below node: Int) -> Bool {
        node != 0 || label.string.utf8.first != UInt8(ascii: "$")
    }

    private func node(of topic: String) -> Int? {
        var node = 0
        for level in topic.topicLevels {
            guard let child = self.nodes[node].children[level] else { return nil }
            node = child
        }
        return node
    }

    private mutating func child(of parent: Int, named label: UTF8Key) -> Int {
        if let child = self.nodes[parent].children[label] { return child }
        let child: Int
        if let free = self.freeNodes.popLast() {
            child = free
            self.nodes[child] = Node(label: label, parent: parent)
        } else {
            child = self.nodes.count
            self.nodes.append(Node(label: label, parent: parent))
        }
        self.nodes[parent].children[label] = child
        return child
    }
}
