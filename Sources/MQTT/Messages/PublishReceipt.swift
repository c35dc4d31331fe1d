// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import Synchronization

/// What becomes of a message that was handed over without waiting.
///
/// The message is on its way whether or not anybody looks at the receipt.
public final class PublishReceipt: Sendable {
    private enum State {
        case pending([CheckedContinuation<Completion, Never>])
        case ended(Completion)
    }

    private let state = Mutex(State.pending([]))

    init() {}

    init(ended completion: Completion) { self.complete(completion) }

    /// Whether the outcome is known.
    public var isComplete: Bool {
        self.state.withLock { if case .ended = $0 { true } else { false } }
    }

    /// Waits for the outcome.
    ///
    /// Cancelling the calling task does not end the wait early: ask ``isComplete`` first where that matters.
    ///
    /// - Throws: ``MQTTError`` as `publish` does: `publishRefused`, `outcomeUnknown`, `clientClosed`, `storeFailed`.
    @discardableResult
    public func outcome() async throws(MQTTError) -> PublishOutcome {
        let completion = await withCheckedContinuation { continuation in
            let known: Completion? = self.state.withLock { state in
                switch state {
                case .ended(let completion):
                    return completion
                case .pending(let waiters):
                    state = .pending(waiters + [continuation])
                    return nil
                }
            }
            if let known { continuation.resume(returning: known) }
        }
        return try completion.publishOutcome()
    }

    func complete(_ completion: Completion) {
        let waiters = self.state.withLock { state in
            guard case .pending(let waiters) = state else { return [CheckedContinuation<Completion, Never>]() }
            state = .ended(completion)
            return waiters
        }
        for waiter in waiters { waiter.resume(returning: completion) }
    }
}

extension Completion {
    /// The outcome of a publish, or its error.
    func publishOutcome() throws(MQTTError) -> PublishOutcome {
        switch self {
        case .published(let reason, let properties):
            return PublishOutcome(reason: reason, properties: properties)
        case .publishRefused(let reason, let properties):
            throw MQTTError(
                .publishRefused,
                "the server refused the message: \(reason)",
                reason: reason,
                properties: properties
            )
        case .failed(let failure):
            throw MQTTError(failure)
        case .connected, .disconnected, .subscribed, .unsubscribed, .pong:
            preconditionFailure("a publish ended as another request")
        }
    }
}
