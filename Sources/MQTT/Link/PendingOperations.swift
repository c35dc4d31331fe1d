// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import MQTTEngine

/// Who waits for the end of an operation.
enum Waiter {
    case call(CheckedContinuation<Completion, Never>)
    case receipt(PublishReceipt)
    case batch(PublishBatch)

    func end(_ completion: Completion) {
        switch self {
        case .call(let continuation): continuation.resume(returning: completion)
        case .receipt(let receipt): receipt.complete(completion)
        case .batch(let batch): batch.completed(completion)
        }
    }
}

/// The operations that have not ended, found by their number.
///
/// Operations end nearly in the order they began, so a ring holds them; one that stays behind for long moves to a
/// dictionary.
struct PendingOperations {
    private var ring: Deque<Waiter?> = []
    private var first: UInt64 = 1
    private var stragglers: [UInt64: Waiter] = [:]

    private static let ringLimit = 4_096

    /// Notes an operation and gives it a number.
    mutating func add(_ waiter: Waiter) -> OperationID {
        if self.ring.count >= Self.ringLimit { self.trim() }
        self.ring.append(waiter)
        return OperationID(self.first + UInt64(self.ring.count) - 1)
    }

    /// Ends an operation; nil when it has ended or was cancelled.
    mutating func take(_ id: OperationID) -> Waiter? {
        guard id.rawValue >= self.first else { return self.stragglers.removeValue(forKey: id.rawValue) }
        let index = Int(truncatingIfNeeded: id.rawValue - self.first)
        guard index < self.ring.count else { return nil }
        let waiter = self.ring[index].take()
        if index == 0 { self.dropEnded() }
        return waiter
    }

    private mutating func dropEnded() {
        while let head = self.ring.first, head == nil {
            self.ring.removeFirst()
            self.first += 1
        }
    }

    private mutating func trim() {
        if let head = self.ring.popFirst() {
            if let head { self.stragglers[self.first] = head }
            self.first += 1
        }
        self.dropEnded()
    }
}
