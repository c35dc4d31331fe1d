// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// What shall go wrong between a broker and its clients.
///
/// ```swift
/// // The first PUBACK is lost, and the connection with it.
/// broker.faults = [FaultRule(.cutBefore, on: .pubAck, going: .toClient, occurrences: 1...1)]
/// ```
///
/// Every rule counts the packets that fit it; of several that apply to a packet the first decides. With the same seed, the
/// same rules and the same packets on a connection the same goes wrong.
public struct FaultScript: Hashable, Sendable, ExpressibleByArrayLiteral {
    /// The rules, the one that decides first.
    public var rules: [FaultRule]

    /// What chance comes from, where a rule leaves something to it.
    public var seed: UInt64

    /// Makes a script; without rules nothing goes wrong.
    public init(_ rules: [FaultRule] = [], seed: UInt64 = 0) {
        self.rules = rules
        self.seed = seed
    }

    /// Makes a script of rules.
    public init(arrayLiteral rules: FaultRule...) { self.init(rules) }

    /// Nothing goes wrong.
    public static let none = Self([], seed: 0)
}
