// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

/// The members of a shared subscription, who take turns; those who are connected are preferred (MQTT 5.0, 4.8.2).
struct SharedGroup: Sendable {
    private var online = MemberList()
    private var offline = MemberList()
    private var turn = 0
    /// How many are looked at to find one that is ready: the work per message does not grow with the group.
    private static let choices = 8

    init() {}

    var isEmpty: Bool { self.online.isEmpty && self.offline.isEmpty }

    mutating func set(_ member: Subscriber, isOnline: Bool) -> Bool {
        let wasThere = self.remove(slot: member.slot)
        if isOnline { self.online.set(member) } else { self.offline.set(member) }
        return !wasThere
    }

    @discardableResult
    mutating func remove(slot: Int) -> Bool {
        self.online.remove(slot: slot) != nil || self.offline.remove(slot: slot) != nil
    }

    mutating func setOnline(_ isOnline: Bool, slot: Int) {
        if isOnline, let member = self.offline.remove(slot: slot) { self.online.set(member) }
        if !isOnline, let member = self.online.remove(slot: slot) { self.offline.set(member) }
    }

    /// Those whose turn it could be, the first one first.
    ///
    /// QoS 0 does not wait for who is away.
    func candidates(qos: QoS) -> ArraySlice<Subscriber> {
        let members = self.online.isEmpty ? self.offline.members : self.online.members
        guard !members.isEmpty, !self.online.isEmpty || qos != .atMostOnce else { return [] }
        let count = min(Self.choices, members.count)
        let found = (0..<count).map { members[(self.turn + $0) % members.count] }
        guard self.online.isEmpty else { return found[...] }
        return found.filter { $0.qos != .atMostOnce }[...]
    }

    /// The candidate at `offset` has had its turn.
    mutating func tookTurn(offset: Int) {
        let count = self.online.isEmpty ? self.offline.count : self.online.count
        self.turn = count == 0 ? 0 : (self.turn + offset + 1) % count
    }
}
