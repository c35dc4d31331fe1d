// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MQTTTransport

/// The order in which servers of a service are tried (RFC 2782).
@Suite struct ServiceOrderTests {
    private static func record(_ target: String, priority: UInt16 = 0, weight: UInt16) -> ServiceRecord {
        ServiceRecord(priority: priority, weight: weight, port: 1, target: target)
    }

    /// Gives the numbers wanted, each as it is drawn from 0 to its sum.
    private struct Script: RandomNumberGenerator {
        var draws: [(number: UInt64, sum: UInt64)]

        mutating func next() -> UInt64 {
            let draw = self.draws.removeFirst()
            let step = UInt64.max / (draw.sum + 1)
            return draw.number * step + step / 2
        }
    }

    @Test(
        arguments: [
            // The running sums of all are 0, 10 and 40.
            ([(0, 40), (0, 40), (0, 30)], "zero ten thirty"),
            ([(0, 40), (11, 40), (10, 10)], "zero thirty ten"),
            ([(1, 40), (0, 30), (0, 30)], "ten zero thirty"),
            ([(10, 40), (1, 30), (0, 0)], "ten thirty zero"),
            ([(11, 40), (10, 10), (0, 0)], "thirty ten zero"),
            ([(40, 40), (0, 10), (10, 10)], "thirty zero ten"),
        ] as [([(UInt64, UInt64)], String)]
    )
    func `a number drawn from the sum of the weights selects each next one`(
        draws: [(UInt64, UInt64)],
        expected: String
    ) {
        let records = [
            Self.record("ten", weight: 10), Self.record("zero", weight: 0), Self.record("thirty", weight: 30),
        ]
        var script = Script(draws: draws.map { (number: $0.0, sum: $0.1) })
        let order = ServiceRecord.order(records, using: &script)
        #expect(order.map(\.target).joined(separator: " ") == expected)
        #expect(script.draws.isEmpty)
    }

    @Test func `lower priorities come first, whatever the weights`() {
        let records = [
            Self.record("c", priority: 20, weight: 60_000), Self.record("a", priority: 0, weight: 0),
            Self.record("d", priority: 65_535, weight: 1), Self.record("b", priority: 10, weight: 65_535),
        ]
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20 {
            #expect(ServiceRecord.order(records, using: &generator).map(\.target) == ["a", "b", "c", "d"])
        }
    }

    @Test func `the weights are the shares of being first, and 0 is a small one`() {
        let records = [
            Self.record("one", weight: 10), Self.record("three", weight: 30), Self.record("none", weight: 0),
            Self.record("six", weight: 60),
        ]
        var generator = SeededGenerator(state: 1)
        var firsts: [String: Int] = [:]
        for _ in 0..<20_000 {
            firsts[ServiceRecord.order(records, using: &generator)[0].target, default: 0] += 1
        }
        // Of the numbers 0 to 100 one selects "none", 10 "one", 30 "three", 60 "six".
        for (target, share) in [("none", 1.0), ("one", 10), ("three", 30), ("six", 60)] {
            let expected = 20_000 * share / 101
            #expect(abs(Double(firsts[target] ?? 0) - expected) < 5 * expected.squareRoot(), "\(target): \(firsts)")
        }
    }

    @Test func `equals without weights are all tried, and no more than 64 in all`() {
        var generator = SeededGenerator(state: 2)
        let records = (0..<200).map { Self.record("t\($0)", priority: UInt16($0 % 2), weight: 0) }
        let order = ServiceRecord.order(records, using: &generator)
        #expect(order.count == 64)
        #expect(Set(order.map(\.target)).count == 64)
        #expect(order.allSatisfy { $0.priority == 0 })
        #expect(Set(ServiceRecord.order(Array(records.prefix(8)), using: &generator)).count == 8)
        #expect(ServiceRecord.order([], using: &generator).isEmpty)
    }
}
