// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Synchronization

extension Link {
    /// Makes a request that ends with a completion, and waits for it.
    ///
    /// Cancelling ends the wait, not what was begun; so does the deadline, with `timedOut`.
    func call(
        until deadline: Instant? = nil,
        _ body: (inout State, OperationID) -> Void
    ) async -> Completion {
        if Task.isCancelled { return Self.cancelled }
        // 0: not begun; the largest number: cancelled before it began; else the operation.
        let cell = Atomic<UInt64>(0)
        var timer: UInt64?
        let completion = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let operation = self.begin(continuation, body)
                if let deadline { timer = self.schedule(at: deadline) { $0.endWait(operation, Self.tooLate) } }
                if cell.exchange(operation.rawValue, ordering: .acquiringAndReleasing) == .max {
                    self.endWait(operation, Self.cancelled)
                }
            }
        } onCancel: {
            let begun = cell.exchange(.max, ordering: .acquiringAndReleasing)
            if begun != 0, begun != .max { self.endWait(OperationID(begun), Self.cancelled) }
        }
        if let timer { self.unschedule(timer) }
        return completion
    }

    /// Makes a request on behalf of a call.
    @discardableResult
    func begin(
        _ call: CheckedContinuation<Completion, Never>,
        _ body: (inout State, OperationID) -> Void
    ) -> OperationID {
        let (operation, after) = self.state.withLock { state in
            let operation = state.operations.add(call)
            body(&state, operation)
            return (operation, self.settle(&state))
        }
        self.carryOut(after)
        return operation
    }

    /// Ends the wait of a call.
    ///
    /// The engine goes on with what the call began, and its end finds nobody waiting.
    private func endWait(_ operation: OperationID, _ completion: Completion) {
        let waiter = self.state.withLock { state in
            state.engine.connectCancelled(operation)
            return state.operations.take(operation)
        }
        waiter?.end(completion)
    }

    private static var cancelled: Completion { .failed(EngineFailure(.cancelled, MQTTError.cancelled.message)) }

    private static var tooLate: Completion { .failed(EngineFailure(.timedOut, "no answer came in time")) }

    // MARK: - Subscriptions

    /// Makes the place where the messages of a subscription wait.
    func makeSubscription(
        _ filters: [SubscribeRequest.Filter],
        _ settings: SubscriptionSettings,
        takesReplies: Bool = false
    ) -> SubscriptionCore {
        self.state.withLock { state in
            let slot: UInt32
            if let free = state.freeSlots.popLast() {
                slot = free
            } else {
                slot = UInt32(state.subscriptions.count)
                state.subscriptions.append(nil)
            }
            let core = SubscriptionCore(
                id: SubscriptionID(slot),
                filters: filters.map(\.filter),
                options: settings,
                link: self,
                takesReplies: takesReplies
            )
            state.subscriptions[Int(slot)] = core
            return core
        }
    }

    /// The slot of a subscription becomes free.
    func release(_ id: SubscriptionID, _ state: inout State) -> SubscriptionCore? {
        guard let core = state.subscriptions[Int(id.rawValue)].take() else { return nil }
        state.freeSlots.append(id.rawValue)
        return core
    }

    /// Ends a subscription without waiting for the server.
    func end(_ core: SubscriptionCore, _ properties: Properties = Properties()) {
        self.change { state in
            guard state.subscriptions[Int(core.id.rawValue)] === core else { return }
            state.engine.unsubscribe(core.id, operation: nil, properties: properties, into: &state.effects)
            _ = self.release(core.id, &state)
        }
    }

    /// Ends a subscription and waits for the server's answer.
    func unsubscribe(_ core: SubscriptionCore, _ properties: Properties) async -> Completion {
        await self.call { state, operation in
            guard state.subscriptions[Int(core.id.rawValue)] === core else {
                state.effects.append(.complete(operation, .unsubscribed([])))
                return
            }
            state.engine.unsubscribe(core.id, operation: operation, properties: properties, into: &state.effects)
            _ = self.release(core.id, &state)
        }
    }
}
