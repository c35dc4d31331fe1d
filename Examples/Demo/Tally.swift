// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

/// Counts numbered messages, topic by topic.
struct Tally {
    struct Result {
        var published: Int
        var received: Int
        var lost: Int
        var duplicated: Int
        /// In the order of publishing, not counting repetitions.
        var isInOrder: Bool

        var text: String {
            "published \(self.published), received \(self.received), lost \(self.lost), duplicated \(self.duplicated)"
                + (self.isInOrder ? ", in order" : ", OUT OF ORDER")
        }
    }

    private var numbers: [String: [Int]] = [:]
    private var distinct: [String: Set<Int>] = [:]

    mutating func note(_ message: MQTTMessage) {
        guard let number = message.text.flatMap({ Int($0) }) else { return }
        self.numbers[message.topic, default: []].append(number)
        self.distinct[message.topic, default: []].insert(number)
    }

    /// How many different messages have come on a topic.
    func received(_ topic: String) -> Int { self.distinct[topic]?.count ?? 0 }

    func result(_ topic: String, published: Int) -> Result {
        let all = self.numbers[topic] ?? []
        var seen: Set<Int> = []
        let first = all.filter { seen.insert($0).inserted }
        return Result(
            published: published,
            received: first.count,
            lost: published - first.count,
            duplicated: all.count - first.count,
            isInOrder: first == first.sorted()
        )
    }
}
