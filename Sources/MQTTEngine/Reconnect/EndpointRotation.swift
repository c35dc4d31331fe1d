// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Which of several endpoints is tried, by number, in rounds in which each has its turn.
struct EndpointRotation: Sendable {
    private let count: Int
    private let order: EndpointOrder
    /// The one that is tried or connected to.
    private(set) var current = 0
    /// Those that have not had their turn in this round.
    private var untried: ArraySlice<Int> = []

    init(count: Int, order: EndpointOrder) {
        self.count = max(count, 1)
        self.order = order
    }

    var isSingle: Bool { self.count == 1 }

    /// A round in which nothing is known yet.
    mutating func begin(_ random: inout SplitMix64) {
        self.untried = self.shuffledIfRandom(Array(0..<self.count), &random)[...]
        _ = self.advance()
    }

    /// A round after the current one was lost or failed: it comes last.
    mutating func beginElsewhere(_ random: inout SplitMix64) {
        let others =
            switch self.order.name {
            case .inOrder: Array(0..<self.count).filter { $0 != self.current }
            case .roundRobin, .random: (1..<max(self.count, 1)).map { (self.current + $0) % self.count }
            }
        self.untried = (self.shuffledIfRandom(others, &random) + [self.current])[...]
        _ = self.advance()
    }

    /// Goes to the next of the round; false when each has had its turn.
    mutating func advance() -> Bool {
        guard let next = self.untried.popFirst() else { return false }
        self.current = next
        return true
    }

    private func shuffledIfRandom(_ numbers: [Int], _ random: inout SplitMix64) -> [Int] {
        guard self.order == .random else { return numbers }
        var numbers = numbers
        for index in numbers.indices.dropLast() {
            let left = UInt64(numbers.count - index)
            numbers.swapAt(index, index + Int(random.next() % left))
        }
        return numbers
    }
}
