// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import Synchronization

/// What has become of 64 messages: one bit for each, so that a receipt costs no allocation and a burst of
/// acknowledgements one atomic step.
///
/// Who waits and who ends a receipt may do so at once. A waiter first sets its bit in `waiting`, then looks at `done`;
/// who ends a receipt first sets its bit in `done`, then looks at `waiting`. All four are sequentially consistent, so
/// there is one order of them: either the waiter's bit comes before the other's look, which then takes the lock and finds
/// the continuation, as the waiter holds the lock from before its bit until the continuation is stored; or the look comes
/// first, then so did the bit in `done`, and the waiter sees it and does not wait.
final class ReceiptBlock: Sendable {
    private struct Side {
        var waiters: [(bit: UInt64, continuation: UnsafeContinuation<Void, Never>)] = []
        /// How the receipts with a bit in `special` ended.
        var completions: [(bit: UInt64, completion: Completion)] = []
    }

    /// Receipts that ended.
    private let done: Atomic<UInt64>
    /// Receipts that ended in another way than plain success; written before `done`.
    private let special = Atomic<UInt64>(0)
    /// Receipts somebody waits for, or did.
    private let waiting = Atomic<UInt64>(0)
    private let side = Mutex(Side())

    /// A block whose receipts have all succeeded.
    static let succeeded = ReceiptBlock(done: .max)

    init(done: UInt64 = 0) { self.done = Atomic(done) }

    func isDone(_ bit: UInt64) -> Bool { self.done.load(ordering: .acquiring) & bit != 0 }

    /// How a receipt ended that is done; nil for plain success.
    func completion(_ bit: UInt64) -> Completion? {
        // Seen after `done` was.
        guard self.special.load(ordering: .relaxed) & bit != 0 else { return nil }
        return self.side.withLock { side in side.completions.first { $0.bit == bit }?.completion }
    }

    /// Waits for the end of a receipt; several tasks may.
    func wait(_ bit: UInt64) async {
        // Resumed exactly once: whoever takes it out of the list does it, and who does not store it does it here.
        await withUnsafeContinuation { continuation in
            let isDone = self.side.withLock { side in
                self.waiting.bitwiseOr(bit, ordering: .sequentiallyConsistent)
                if self.done.load(ordering: .sequentiallyConsistent) & bit != 0 { return true }
                side.waiters.append((bit, continuation))
                return false
            }
            if isDone { continuation.resume() }
        }
    }

    /// Ends receipts as plain successes.
    func succeed(_ bits: UInt64) {
        self.done.bitwiseOr(bits, ordering: .sequentiallyConsistent)
        if self.waiting.load(ordering: .sequentiallyConsistent) & bits != 0 { self.resumeWaiters(of: bits) }
    }

    /// Ends one receipt in any way.
    func end(_ bit: UInt64, _ completion: Completion) {
        self.side.withLock { $0.completions.append((bit, completion)) }
        self.special.bitwiseOr(bit, ordering: .relaxed)
        self.succeed(bit)
    }

    private func resumeWaiters(of bits: UInt64) {
        var only: UnsafeContinuation<Void, Never>?
        let several = self.side.withLock { side -> [UnsafeContinuation<Void, Never>] in
            // Nearly always it is one task that waits.
            if side.waiters.count == 1, let waiter = side.waiters.first, waiter.bit & bits != 0 {
                only = waiter.continuation
                side.waiters.removeAll(keepingCapacity: true)
                return []
            }
            let ready = side.waiters.filter { $0.bit & bits != 0 }.map(\.continuation)
            side.waiters.removeAll { $0.bit & bits != 0 }
            return ready
        }
        only?.resume()
        for continuation in several { continuation.resume() }
    }
}
