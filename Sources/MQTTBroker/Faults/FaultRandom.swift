// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Chance that a seed decides (SplitMix64, Steele and others 2014).
struct FaultRandom: RandomNumberGenerator, Hashable, Sendable {
    private var state: UInt64

    /// Chance of its own for each rule on each connection: what others do in between changes nothing.
    init(seed: UInt64, rule: Int, connection: UInt64) {
        self.state = seed
        for part in [UInt64(rule), connection] { self.state = self.next() ^ part &* 0xD6E8_FEB8_6659_FD93 }
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    /// Whether something this likely happens.
    mutating func happens(_ probability: Double) -> Bool {
        guard probability < 1 else { return true }
        return Double.random(in: 0..<1, using: &self) < probability
    }
}
