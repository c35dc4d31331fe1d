// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Synchronization

extension Link {
    /// Makes a request that ends with a completion, and waits for it.
    ///
    /// Cancelling ends the wait, not what was begun.
    func call(_ body: (inout State, OperationID) -> Void) async -> Completion {
        if Task.isCancelled { return Self.cancelled }
        // 0: not begun; the largest number: cancelled before it began; else the operation.
        let cell = Atomic<UInt64>(0)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let operation = self.begin(.call(continuation), body)
                if cell.exchange(operation.rawValue, ordering: .acquiringAndReleasing) == .max {
                    self.cancel(operation)
                }
            }
        } onCancel: {
            let begun = cell.exchange(.max, ordering: .acquiringAndReleasing)
            if begun != 0, begun != .max { self.cancel(OperationID(begun)) }
        }
    }

    /// Makes a request on behalf of a waiter.
    @discardableResult
    func begin(_ waiter: Waiter, _ body: (inout State, OperationID) -> Void) -> OperationID {
        let (operation, after) = self.state.withLock { state in
            let operation = state.operations.add(waiter)
            body(&state, operation)
            return (operation, self.settle(&state))
        }
        self.carryOut(after)
        return operation
    }

    /// Ends the wait of a call.
    ///
    /// The engine goes on with what the call began, and its end finds nobody waiting.
    private func cancel(_ operation: OperationID) {
        let waiter = self.state.withLock { state in
            state.engine.connectCancelled(operation)
            return state.operations.take(operation)
        }
        waiter?.end(Self.cancelled)
    }

    private static var cancelled: Completion { .failed(EngineFailure(.cancelled, MQTTError.cancelled.message)) }

    /// Publishes at QoS 0: returns when the outbox has taken it.
    func publishUnacknowledged(_ frame: PublishFrame) async throws(MQTTError) {
        var mustPace = false
        try self.writeUnacknowledged(frame, mustPace: &mustPace)
        if mustPace { await self.pace() }
    }

    /// Puts a QoS 0 message into the outbox; says whether the outbox is full enough to wait.
    func writeUnacknowledged(_ frame: PublishFrame, mustPace: inout Bool) throws(MQTTError) {
        let (refusal, mustWake, isFull) = self.state.withLock { state -> (EngineFailure?, Bool, Bool) in
            switch state.engine.publish(frame, operation: OperationID(0), into: &state.effects) {
            case .send:
                state.outbox.append(frame, packetID: nil, duplicate: false)
                let mustWake = !state.isFlushScheduled
                state.isFlushScheduled = true
                return (nil, mustWake, state.outbox.count > Self.highWater)
            case .queued:
                return (nil, false, false)
            case .refused(let failure):
                return (failure, false, false)
            }
        }
        if let refusal { throw MQTTError(refusal) }
        if mustWake { self.world.wake(self) }
        mustPace = isFull
    }

    /// Publishes at QoS 1 or 2 on behalf of a waiter, which is ended when the exchange is.
    func publishAcknowledged(_ frame: PublishFrame, _ state: inout State, _ operation: OperationID) {
        switch state.engine.publish(frame, operation: operation, into: &state.effects) {
        case .send(let packetID):
            state.outbox.append(frame, packetID: packetID, duplicate: false)
        case .queued:
            break
        case .refused(let failure):
            state.effects.append(.complete(operation, .failed(failure)))
        }
    }

    // MARK: - Subscriptions

    /// Makes the place where the messages of a subscription wait.
    func makeSubscription(_ filters: [SubscribeRequest.Filter], _ settings: SubscriptionSettings) -> SubscriptionCore {
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
                link: self
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
    func end(_ core: SubscriptionCore) {
        self.change { state in
            guard state.subscriptions[Int(core.id.rawValue)] === core else { return }
            state.engine.unsubscribe(core.id, operation: nil, into: &state.effects)
            _ = self.release(core.id, &state)
        }
    }

    /// Ends a subscription and waits for the server's answer.
    func unsubscribe(_ core: SubscriptionCore) async -> Completion {
        await self.call { state, operation in
            guard state.subscriptions[Int(core.id.rawValue)] === core else {
                state.effects.append(.complete(operation, .unsubscribed([])))
                return
            }
            state.engine.unsubscribe(core.id, operation: operation, into: &state.effects)
            _ = self.release(core.id, &state)
        }
    }
}
