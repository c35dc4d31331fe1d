// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The hash table of a ``TopicTree``: open addressing, linear probing, half of it empty at least.
struct TopicNodeTable: Sendable {
    struct Slot {
        var hash: UInt32
        /// Negative where the slot is empty.
        var node: Int32
    }

    private static let empty = Slot(hash: 0, node: -1)

    private var slots: [Slot] = []
    private var count = 0

    private var mask: Int { self.slots.count - 1 }

    /// Calls `body` with what looks nodes up, for as long as the table does not change.
    @inline(__always)
    func withReader<Result>(_ body: (Reader) -> Result) -> Result {
        self.slots.withUnsafeBufferPointer { body(Reader(slots: $0)) }
    }

    struct Reader {
        let slots: UnsafeBufferPointer<Slot>

        /// The node with this hash that `isWanted` accepts.
        @inline(__always)
        func node(hash: UInt32, where isWanted: (Int32) -> Bool) -> Int32? {
            guard self.slots.count > 0 else { return nil }
            let mask = self.slots.count - 1
            var index = Int(hash) & mask
            while self.slots[index].node >= 0 {
                if self.slots[index].hash == hash, isWanted(self.slots[index].node) { return self.slots[index].node }
                index = (index + 1) & mask
            }
            return nil
        }
    }

    /// Adds a node that is not in the table.
    mutating func insert(_ node: Int32, hash: UInt32) {
        if 2 * (self.count + 1) > self.slots.count { self.resize(to: max(16, 2 * self.slots.count)) }
        self.place(Slot(hash: hash, node: node))
        self.count += 1
    }

    /// Removes a node and closes the gap, so that no marks of removed nodes slow the search down.
    mutating func remove(_ node: Int32, hash: UInt32) {
        guard self.count > 0 else { return }
        var gap = Int(hash) & self.mask
        while self.slots[gap].node != node {
            guard self.slots[gap].node >= 0 else { return }
            gap = (gap + 1) & self.mask
        }
        var index = gap
        while true {
            index = (index + 1) & self.mask
            guard self.slots[index].node >= 0 else { break }
            // A slot may move back into the gap unless its own place is between the gap and where it is.
            let home = Int(self.slots[index].hash) & self.mask
            if (index - home) & self.mask >= (index - gap) & self.mask {
                self.slots[gap] = self.slots[index]
                gap = index
            }
        }
        self.slots[gap] = Self.empty
        self.count -= 1
        if self.slots.count > 16, 8 * self.count < self.slots.count { self.resize(to: self.slots.count / 2) }
    }

    private mutating func place(_ slot: Slot) {
        var index = Int(slot.hash) & self.mask
        while self.slots[index].node >= 0 { index = (index + 1) & self.mask }
        self.slots[index] = slot
    }

    private mutating func resize(to size: Int) {
        let old = self.slots
        self.slots = Array(repeating: Self.empty, count: size)
        for slot in old where slot.node >= 0 { self.place(slot) }
    }
}
