// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import MQTTEngine

/// Receipts that have not ended, 64 to a block.
///
/// Successes are only noted; at the end of a burst each block is told of all of its own at once.
struct PendingReceipts {
    private struct Entry {
        let block: ReceiptBlock
        /// Receipts that have not ended.
        var outstanding: UInt64 = 0
        /// Receipts that ended in this burst.
        var ended: UInt64 = 0
    }

    /// In the order of making; receipts are made from the last one.
    private var ring: Deque<Entry> = []
    /// The number of the first block of the ring.
    private var first: UInt64 = 0
    /// Blocks that were left behind, so that the ring stays short.
    private var stragglers: [UInt64: Entry] = [:]
    /// How many receipts of the last block have been made.
    private var made = 64
    /// Blocks with receipts that ended in this burst.
    private var touched: [UInt64] = []

    private static let ringLimit = 1_024

    /// Makes a receipt that ends under the operation.
    mutating func make() -> (receipt: PublishReceipt, operation: OperationID) {
        if self.made == 64 {
            if self.ring.count >= Self.ringLimit { self.trim() }
            self.ring.append(Entry(block: ReceiptBlock()))
            self.made = 0
        }
        let last = self.ring.count - 1
        let bit: UInt64 = 1 << UInt64(self.made)
        self.ring[last].outstanding |= bit
        let raw = (self.first + UInt64(last)) << 6 | UInt64(self.made)
        self.made += 1
        return (PublishReceipt(self.ring[last].block, bit: bit), OperationID(.receipt, raw))
    }

    /// Takes back the receipt made last, which nobody has seen.
    mutating func unmake() {
        self.made -= 1
        self.ring[self.ring.count - 1].outstanding &= ~((1 as UInt64) << UInt64(self.made))
    }

    /// Notes that a message was taken by the server.
    mutating func succeeded(_ operation: OperationID) {
        let (number, bit) = Self.place(of: operation)
        let isFirst = self.update(number) { entry in
            // A receipt ends once.
            guard entry.outstanding & bit != 0 else { return false }
            entry.outstanding &= ~bit
            entry.ended |= bit
            return entry.ended == bit
        }
        if isFirst { self.touched.append(number) }
    }

    /// Ends a receipt in another way; nil when it has ended.
    mutating func take(_ operation: OperationID) -> (block: ReceiptBlock, bit: UInt64)? {
        let (number, bit) = Self.place(of: operation)
        var block: ReceiptBlock?
        let isBehind = self.update(number) { entry in
            guard entry.outstanding & bit != 0 else { return false }
            entry.outstanding &= ~bit
            block = entry.block
            return entry.outstanding | entry.ended == 0
        }
        if isBehind { self.drop(number) }
        return block.map { ($0, bit) }
    }

    /// The blocks with the receipts that ended in this burst.
    mutating func takeEnded() -> [(block: ReceiptBlock, bits: UInt64)] {
        guard !self.touched.isEmpty else { return [] }
        var result: [(block: ReceiptBlock, bits: UInt64)] = []
        result.reserveCapacity(self.touched.count)
        for number in self.touched {
            let isBehind = self.update(number) { entry in
                result.append((entry.block, entry.ended))
                entry.ended = 0
                return entry.outstanding == 0
            }
            if isBehind { self.drop(number) }
        }
        self.touched.removeAll(keepingCapacity: true)
        return result
    }

    private static func place(of operation: OperationID) -> (number: UInt64, bit: UInt64) {
        (operation.number >> 6, 1 << (operation.number & 63))
    }

    /// Changes the entry of a block; false when it is gone.
    private mutating func update(_ number: UInt64, _ body: (inout Entry) -> Bool) -> Bool {
        if number >= self.first {
            let index = Int(truncatingIfNeeded: number - self.first)
            return index < self.ring.count && body(&self.ring[index])
        }
        guard var entry = self.stragglers[number] else { return false }
        defer { self.stragglers[number] = entry }
        return body(&entry)
    }

    /// All that was made of a block has ended.
    private mutating func drop(_ number: UInt64) {
        guard number >= self.first else {
            self.stragglers.removeValue(forKey: number)
            return
        }
        // The last block stays as long as receipts can be made from it.
        while let head = self.ring.first, head.outstanding | head.ended == 0, self.ring.count > 1 || self.made == 64 {
            self.ring.removeFirst()
            self.first += 1
        }
    }

    /// Moves a block that stays behind out of the way.
    private mutating func trim() {
        if let head = self.ring.popFirst() {
            self.stragglers[self.first] = head
            self.first += 1
        }
        self.drop(self.first)
    }
}
