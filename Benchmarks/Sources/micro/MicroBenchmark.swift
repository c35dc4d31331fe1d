// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import allocations

/// A thousand operations of one kind, of which the time and the allocations are taken.
struct MicroBenchmark {
    static let operations = 1_000

    struct Result {
        /// The fastest run: whatever else the machine does only adds to it.
        var nanoseconds: Double
        /// Of a thousand operations; nil where they cannot be counted.
        var allocations: Int?
    }

    let name: String
    /// Runs all the operations; gives something that depends on all of them, so that none is left out.
    let body: () -> Int

    init(_ name: String, _ body: @escaping () -> Int) {
        self.name = name
        self.body = body
    }

    func run(_ runs: Int) -> Result {
        // Twice without counting: tables grow and metadata is made the first time.
        var sum = self.body() &+ self.body()
        var fastest = Duration.seconds(3_600)
        var fewest: Int?
        for _ in 0..<runs {
            let before = allocations_count()
            let start = ContinuousClock.now
            sum = sum &+ self.body()
            let time = ContinuousClock.now - start
            let after = allocations_count()
            fastest = min(fastest, time)
            if before >= 0 { fewest = min(fewest ?? .max, after - before) }
        }
        withExtendedLifetime(sum) {}
        return Result(
            nanoseconds: Double(fastest / .nanoseconds(1)) / Double(Self.operations),
            allocations: fewest
        )
    }
}
