// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import Synchronization

/// Counts a pipelined sequence of messages, so that none of them needs a waiter of its own.
final class PublishBatch: Sendable {
    private struct State {
        var outstanding = 0
        var acknowledged = 0
        var failure: MQTTError?
        var waiter: (limit: Int, continuation: CheckedContinuation<Void, Never>)?
    }

    private let state = Mutex(State())

    /// Messages the server has taken.
    var acknowledged: Int { self.state.withLock { $0.acknowledged } }

    /// The first failure.
    var failure: MQTTError? { self.state.withLock { $0.failure } }

    /// Messages are about to be handed over.
    func began(_ count: Int) { self.state.withLock { $0.outstanding += count } }

    /// One message ended.
    func completed(_ completion: Completion) {
        let result: MQTTError?
        do throws(MQTTError) {
            _ = try completion.publishOutcome()
            result = nil
        } catch {
            result = error
        }
        self.ended(1, failure: result)
    }

    /// Messages ended in the same way.
    func ended(_ count: Int, failure: MQTTError?) {
        let waiter = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.outstanding -= count
            if let failure { state.failure = state.failure ?? failure } else { state.acknowledged += count }
            guard let waiter = state.waiter, state.outstanding <= waiter.limit else { return nil }
            state.waiter = nil
            return waiter.continuation
        }
        waiter?.resume()
    }

    /// Waits until at most `limit` are under way; not at all when the task is cancelled, or while at most `enough` are.
    func wait(untilAtMost limit: Int, enough: Int = 0) async {
        guard self.state.withLock({ $0.outstanding > max(limit, enough) }) else { return }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReached = self.state.withLock { state in
                    if state.outstanding <= limit || Task.isCancelled { return true }
                    state.waiter = (limit, continuation)
                    return false
                }
                if isReached { continuation.resume() }
            }
        } onCancel: {
            let waiter = self.state.withLock { $0.waiter.take() }
            waiter?.continuation.resume()
        }
    }
}
