// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine

/// Batches with messages under way; all messages of a batch are one operation.
///
/// Successes are only counted; at the end of a burst each batch is told its count.
struct PendingBatches {
    private struct Slot {
        var batch: PublishBatch?
        /// Messages that have not ended.
        var outstanding = 0
        /// Messages that ended in this burst.
        var ended = 0
    }

    private var slots: [Slot] = []
    private var free: [Int] = []
    /// Slots with messages that ended in this burst.
    private var touched: [Int] = []

    /// Finds the operation of a batch that is about to hand over so many messages.
    mutating func begin(_ batch: PublishBatch, _ count: Int) -> OperationID {
        let index: Int
        if let known = self.slots.firstIndex(where: { $0.batch === batch }) {
            index = known
        } else if let free = self.free.popLast() {
            index = free
        } else {
            index = self.slots.count
            self.slots.append(Slot())
        }
        self.slots[index].batch = batch
        self.slots[index].outstanding += count
        return OperationID(.batch, UInt64(index))
    }

    /// Messages were not handed over after all.
    mutating func undo(_ operation: OperationID, _ count: Int) {
        let index = Int(truncatingIfNeeded: operation.number)
        self.slots[index].outstanding -= count
        self.drop(index)
    }

    /// Notes that a message was taken by the server.
    mutating func succeeded(_ operation: OperationID) {
        let index = Int(truncatingIfNeeded: operation.number)
        if self.slots[index].ended == 0 { self.touched.append(index) }
        self.slots[index].ended += 1
    }

    /// Ends a message in another way.
    mutating func take(_ operation: OperationID) -> PublishBatch? {
        let index = Int(truncatingIfNeeded: operation.number)
        let batch = self.slots[index].batch
        self.slots[index].outstanding -= 1
        self.drop(index)
        return batch
    }

    /// The batches with the number of messages that ended in this burst.
    mutating func takeEnded() -> [(batch: PublishBatch, count: Int)] {
        guard !self.touched.isEmpty else { return [] }
        var result: [(batch: PublishBatch, count: Int)] = []
        result.reserveCapacity(self.touched.count)
        for index in self.touched {
            let count = self.slots[index].ended
            if let batch = self.slots[index].batch { result.append((batch, count)) }
            self.slots[index].outstanding -= count
            self.slots[index].ended = 0
            self.drop(index)
        }
        self.touched.removeAll(keepingCapacity: true)
        return result
    }

    /// A batch without messages under way leaves its slot: the engine knows no operation of it any more.
    private mutating func drop(_ index: Int) {
        guard self.slots[index].outstanding == 0 else { return }
        self.slots[index].batch = nil
        self.free.append(index)
    }
}
