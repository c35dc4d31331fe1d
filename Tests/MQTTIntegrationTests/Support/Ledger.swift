// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import Testing

/// Numbered messages on several topics: which came, how often and in which order.
struct Ledger {
    private var arrivals: [String: [Int]] = [:]
    private var distinct: [String: Set<Int>] = [:]

    mutating func note(_ message: MQTTMessage) {
        guard let number = message.text.flatMap({ Int($0) }) else { return }
        self.arrivals[message.topic, default: []].append(number)
        self.distinct[message.topic, default: []].insert(number)
    }

    /// Topics whose numbers up to `count` have all come.
    func isComplete(_ topics: [String], count: Int) -> Bool {
        topics.allSatisfy { self.distinct[$0]?.count ?? 0 >= count }
    }

    /// Every message arrived, in order of first arrivals; with `once` none came twice.
    func check(_ topic: String, count: Int, once: Bool, sourceLocation: SourceLocation = #_sourceLocation) {
        let numbers = self.arrivals[topic] ?? []
        var seen: Set<Int> = []
        let first = numbers.filter { seen.insert($0).inserted }
        #expect(first.count == count, "\(count - first.count) of \(count) lost", sourceLocation: sourceLocation)
        #expect(first == first.sorted(), "out of order on \(topic)", sourceLocation: sourceLocation)
        if once {
            let twice = numbers.count - first.count
            #expect(twice == 0, "\(twice) duplicates on \(topic)", sourceLocation: sourceLocation)
        }
    }
}
