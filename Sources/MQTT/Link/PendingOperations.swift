// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import MQTTEngine

/// Who waits for the end of an operation.
enum Waiter {
    case call(CheckedContinuation<Completion, Never>)
    case receipt(ReceiptBlock, bit: UInt64)
    case batch(PublishBatch)

    func end(_ completion: Completion) {
        switch self {
        case .call(let continuation): continuation.resume(returning: completion)
        case .receipt(let block, let bit): block.end(bit, completion)
        case .batch(let batch): batch.completed(completion)
        }
    }
}

extension OperationID {
    /// Where the one who waits is found; the two highest bits of the number.
    enum Kind: UInt64 {
        case call, receipt, batch, request
    }

    private static let kindShift: UInt64 = 62

    init(_ kind: Kind, _ number: UInt64) { self.init(kind.rawValue << Self.kindShift | number) }

    /// Numbers are counted up by ourselves and never reach the two bits.
    var kind: Kind { Kind(rawValue: self.rawValue >> Self.kindShift) ?? .call }

    /// The number without the kind.
    var number: UInt64 { self.rawValue & (1 << Self.kindShift - 1) }
}

/// The operations that have not ended, found by their number.
struct PendingOperations {
    var receipts = PendingReceipts()
    var batches = PendingBatches()
    private var calls = PendingCalls()

    /// Notes a call and gives it a number.
    mutating func add(_ call: CheckedContinuation<Completion, Never>) -> OperationID { self.calls.add(call) }

    /// Calls that have not ended.
    var callCount: Int { self.calls.count }

    /// Ends an operation; nil when it has ended or was cancelled.
    mutating func take(_ operation: OperationID) -> Waiter? {
        switch operation.kind {
        case .call: self.calls.take(operation).map { .call($0) }
        case .receipt: self.receipts.take(operation).map { .receipt($0.block, bit: $0.bit) }
        case .batch: self.batches.take(operation).map { .batch($0) }
        // Nobody waits here: the link finds them among its requests.
        case .request: nil
        }
    }
}

/// Calls that wait.
///
/// Operations end nearly in the order they began, so a ring holds them; one that stays behind for long moves to a
/// dictionary.
private struct PendingCalls {
    typealias Call = CheckedContinuation<Completion, Never>

    private var ring: Deque<Call?> = []
    private var first: UInt64 = 1
    private var stragglers: [UInt64: Call] = [:]

    private static let ringLimit = 4_096

    var count: Int { self.ring.count { $0 != nil } + self.stragglers.count }

    mutating func add(_ call: Call) -> OperationID {
        if self.ring.count >= Self.ringLimit { self.trim() }
        self.ring.append(call)
        return OperationID(.call, self.first + UInt64(self.ring.count) - 1)
    }

    mutating func take(_ id: OperationID) -> Call? {
        guard id.number >= self.first else { return self.stragglers.removeValue(forKey: id.number) }
        let index = Int(truncatingIfNeeded: id.number - self.first)
        guard index < self.ring.count else { return nil }
        let call = self.ring[index].take()
        if index == 0 { self.dropEnded() }
        return call
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
