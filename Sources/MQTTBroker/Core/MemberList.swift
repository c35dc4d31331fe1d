// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

/// A subscription of one session, as the messages that match its filter meet it.
struct Subscriber: Hashable, Sendable {
    /// Where the session stands.
    let slot: Int
    let qos: QoS
    let noLocal: Bool
    let retainAsPublished: Bool
    /// 0 is none.
    let identifier: UInt32

    init(slot: Int, options: SubscriptionOptions, qos: QoS, identifier: UInt32?) {
        self.slot = slot
        self.qos = qos
        self.noLocal = options.noLocal
        self.retainAsPublished = options.retainAsPublished
        self.identifier = identifier ?? 0
    }

    var identifiers: [UInt32] { self.identifier == 0 ? [] : [self.identifier] }
}

/// Subscribers of one filter, one for a session, close together in memory; found by their session without a search.
struct MemberList: Sendable {
    private(set) var members: [Subscriber] = []
    /// Where each stands, once there are many.
    private var positions: [Int: Int] = [:]
    private static let many = 16

    init() {}

    var isEmpty: Bool { self.members.isEmpty }
    var count: Int { self.members.count }

    private func position(of slot: Int) -> Int? {
        self.positions.isEmpty ? self.members.firstIndex { $0.slot == slot } : self.positions[slot]
    }

    /// Adds a subscriber or replaces that of its session; true when it is new.
    @discardableResult
    mutating func set(_ member: Subscriber) -> Bool {
        if let position = self.position(of: member.slot) {
            self.members[position] = member
            return false
        }
        self.members.append(member)
        if !self.positions.isEmpty {
            self.positions[member.slot] = self.members.count - 1
        } else if self.members.count > Self.many {
            for (position, member) in self.members.enumerated() { self.positions[member.slot] = position }
        }
        return true
    }

    @discardableResult
    mutating func remove(slot: Int) -> Subscriber? {
        guard let position = self.position(of: slot) else { return nil }
        let member = self.members[position]
        let last = self.members.removeLast()
        let hadPositions = !self.positions.isEmpty
        if hadPositions { self.positions[slot] = nil }
        if position < self.members.count {
            self.members[position] = last
            if hadPositions { self.positions[last.slot] = position }
        }
        return member
    }
}
