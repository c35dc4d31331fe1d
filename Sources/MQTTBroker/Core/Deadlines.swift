// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// What is to happen when, the earliest first; each key has one deadline at most.
///
/// A heap that knows where each key stands: setting, moving and removing a deadline take logarithmic time, and it is never
/// larger than the number of keys.
struct Deadlines<Key: Hashable & Sendable>: Sendable {
    private struct Entry: Sendable {
        var deadline: NIODeadline
        /// Of two equal deadlines the one set first comes first.
        var order: UInt64
        let key: Key

        func isBefore(_ other: Entry) -> Bool { (self.deadline, self.order) < (other.deadline, other.order) }
    }

    private var heap: [Entry] = []
    private var positions: [Key: Int] = [:]
    private var lastOrder: UInt64 = 0

    init() {}

    /// The earliest deadline.
    var next: NIODeadline? { self.heap.first?.deadline }

    var count: Int { self.heap.count }

    func contains(_ key: Key) -> Bool { self.positions[key] != nil }

    mutating func set(_ key: Key, at deadline: NIODeadline) {
        self.lastOrder &+= 1
        let order = self.lastOrder
        if let position = self.positions[key] {
            self.heap[position].deadline = deadline
            self.heap[position].order = order
            self.siftUp(position)
            if let moved = self.positions[key] { self.siftDown(moved) }
        } else {
            self.positions[key] = self.heap.count
            self.heap.append(Entry(deadline: deadline, order: order, key: key))
            self.siftUp(self.heap.count - 1)
        }
    }

    mutating func remove(_ key: Key) {
        guard let position = self.positions.removeValue(forKey: key) else { return }
        let last = self.heap.removeLast()
        guard position < self.heap.count else { return }
        self.heap[position] = last
        self.positions[last.key] = position
        self.siftUp(position)
        if let moved = self.positions[last.key] { self.siftDown(moved) }
    }

    /// Takes out the earliest key whose deadline is not after `now`.
    mutating func takeDue(now: NIODeadline) -> Key? {
        guard let first = self.heap.first, first.deadline <= now else { return nil }
        self.remove(first.key)
        return first.key
    }

    private mutating func siftUp(_ start: Int) {
        var position = start
        while position > 0 {
            let parent = (position - 1) / 2
            guard self.heap[position].isBefore(self.heap[parent]) else { return }
            self.swap(position, parent)
            position = parent
        }
    }

    private mutating func siftDown(_ start: Int) {
        var position = start
        while true {
            var least = position
            for child in [2 * position + 1, 2 * position + 2] where child < self.heap.count {
                if self.heap[child].isBefore(self.heap[least]) { least = child }
            }
            guard least != position else { return }
            self.swap(position, least)
            position = least
        }
    }

    private mutating func swap(_ left: Int, _ right: Int) {
        self.heap.swapAt(left, right)
        self.positions[self.heap[left].key] = left
        self.positions[self.heap[right].key] = right
    }
}

/// What the broker waits for.
enum BrokerAlarm: Hashable, Sendable {
    /// The connection has not sent what it owes before it is accepted.
    case connect(ConnectionID)
    /// The connection is over as soon as what goes on now is done.
    case giveUp(ConnectionID)
    /// Nothing was heard for one and a half times the keep-alive.
    case keepAlive(ConnectionID)
    /// The delay of the will of a session is over; by its slot.
    case will(Int)
    /// A session's time is over; by its slot.
    case session(Int)
    /// A retained message expires.
    case retained(UTF8Key)
    /// The broker's own topics are due.
    case system
}
