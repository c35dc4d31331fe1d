// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Synchronization

extension Link {
    typealias OfflineChoice = EngineConfiguration.OfflineChoice

    /// Publishes a QoS 0 message that has to wait: returns when it was sent, or is in the queue if the call wants that.
    func queueUnacknowledged(
        _ frame: PublishFrame,
        _ offline: OfflineChoice?
    ) async throws(MQTTError) -> PublishOutcome {
        let completion = await self.call { state, operation in
            self.queueUnacknowledged(frame, offline, &state, operation)
        }
        return try completion.publishOutcome()
    }

    /// Puts a QoS 0 message into the outbox; says whether the outbox is full enough to wait, nil when the message has to.
    func writeUnacknowledged(_ frame: PublishFrame, _ offline: OfflineChoice?) throws(MQTTError) -> Bool? {
        var refusal: EngineFailure?
        var mustWake = false
        let isFull: Bool? = self.state.withLock { state in
            let decision = state.engine.publish(
                frame,
                operation: nil,
                offline: offline,
                now: { self.world.now },
                into: &state.effects
            )
            switch decision {
            case .send:
                state.outbox.append(frame, packetID: nil, duplicate: false)
                state.coalescing.messages += 1
                mustWake = state.mustWake()
                return state.outbox.count > Self.highWater
            case .mustWait, .queued:
                return nil
            case .refused(let failure):
                refusal = failure
                return nil
            }
        }
        if let refusal { throw MQTTError(refusal) }
        if mustWake { self.world.wake(self) }
        return isFull
    }

    /// Keeps a QoS 0 message on behalf of a call.
    private func queueUnacknowledged(
        _ frame: PublishFrame,
        _ offline: OfflineChoice?,
        _ state: inout State,
        _ operation: OperationID
    ) {
        let isLeft = state.isLeft(frame, offline)
        let waiter = isLeft ? nil : operation
        if case .refused(let failure) = state.engine.queue(
            frame,
            operation: waiter,
            offline: offline,
            now: self.world.now
        ) {
            state.effects.append(.complete(operation, .failed(failure)))
        } else if isLeft {
            state.effects.append(.complete(operation, .queued))
        }
    }

    /// Publishes without waiting.
    func enqueue(_ frame: PublishFrame, _ offline: OfflineChoice?) throws(MQTTError) -> PublishReceipt {
        if frame.message.qos == .atMostOnce, try self.writeUnacknowledged(frame, offline) != nil { return .succeeded }
        var refusal: EngineFailure?
        var mustWake = false
        var after: Aftermath?
        let receipt = self.state.withLock { state in
            let (receipt, operation) = state.operations.receipts.make()
            switch self.publishOrQueue(frame, operation, offline, &state) {
            case .send(let packetID):
                state.outbox.append(frame, packetID: packetID, duplicate: false)
                mustWake = state.mustWake()
            case .queued, .mustWait:
                break
            case .refused(let failure):
                state.operations.receipts.unmake()
                refusal = failure
            }
            if self.mustSettle(state) { after = self.settle(&state) }
            return receipt
        }
        if mustWake { self.world.wake(self) }
        if let after { self.carryOut(after) }
        if let refusal { throw MQTTError(refusal) }
        return receipt
    }

    /// Publishes, or keeps what is QoS 0 and cannot go at once.
    @inline(__always)
    func publishOrQueue(
        _ frame: PublishFrame,
        _ operation: OperationID,
        _ offline: OfflineChoice?,
        _ state: inout State
    ) -> PublishDecision {
        let decision = state.engine.publish(
            frame,
            operation: operation,
            offline: offline,
            now: { self.world.now },
            into: &state.effects
        )
        guard case .mustWait = decision else { return decision }
        return state.engine.queue(frame, operation: operation, offline: offline, now: self.world.now)
    }

    /// Publishes at QoS 1 or 2 on behalf of a call, which is ended when the exchange is.
    func publishAcknowledged(
        _ frame: PublishFrame,
        _ offline: OfflineChoice?,
        _ state: inout State,
        _ operation: OperationID
    ) {
        let isLeft = state.isLeft(frame, offline)
        let decision = state.engine.publish(
            frame,
            operation: isLeft ? nil : operation,
            offline: offline,
            now: { self.world.now },
            into: &state.effects
        )
        switch decision {
        case .send(let packetID):
            state.outbox.append(frame, packetID: packetID, duplicate: false)
        case .queued, .mustWait:
            if isLeft { state.effects.append(.complete(operation, .queued)) }
        case .refused(let failure):
            state.effects.append(.complete(operation, .failed(failure)))
        }
    }

    /// Publishes messages of one batch under one lock; waits while the outbox is full.
    func publish(_ frames: [PublishFrame], batch: PublishBatch) async {
        guard !frames.isEmpty else { return }
        batch.began(frames.count)
        // Messages that are not under way: QoS 0 that were written; and refused ones.
        var written = 0
        var refused = 0
        var refusal: EngineFailure?
        var mustWake = false
        var isFull = false
        var after: Aftermath?
        self.state.withLock { state in
            let operation = state.operations.batches.begin(batch, frames.count)
            for frame in frames {
                switch self.publishOrQueue(frame, operation, nil, &state) {
                case .send(let packetID):
                    state.outbox.append(frame, packetID: packetID, duplicate: false)
                    mustWake = true
                    if packetID == nil { written += 1 }
                case .queued, .mustWait:
                    break
                case .refused(let failure):
                    refused += 1
                    refusal = refusal ?? failure
                }
            }
            if written + refused > 0 { state.operations.batches.undo(operation, written + refused) }
            state.coalescing.messages += written
            isFull = state.outbox.count > Self.highWater
            mustWake = mustWake && state.mustWake()
            if self.mustSettle(state) { after = self.settle(&state) }
        }
        if mustWake { self.world.wake(self) }
        if let after { self.carryOut(after) }
        if written > 0 { batch.ended(written, failure: nil) }
        if let refusal { batch.ended(refused, failure: MQTTError(refusal)) }
        if isFull { await self.pace() }
    }

    /// Whether a request to publish left anything to do but to wake the event loop.
    ///
    /// Its place in the outbox is noted by ``State/mustWake()``, and no deadline depends on it. An answer is due now, for
    /// which reading may have to go on.
    func mustSettle(_ state: borrowing State) -> Bool {
        !state.effects.isEmpty || self.mayChangeReading(state)
    }

    /// Waits until the outbox was written.
    func pace() async {
        _ = await self.call { state, operation in
            // It may have been written in the meantime.
            if state.outbox.count > Self.highWater {
                state.paced.append(operation)
            } else {
                state.effects.append(.complete(operation, .published(.success, Properties())))
            }
        }
    }
}

extension Link.State {
    /// Whether the call wants the message left in the queue, as there is no connection.
    func isLeft(_ frame: PublishFrame, _ offline: EngineConfiguration.OfflineChoice?) -> Bool {
        guard !self.engine.isConnected else { return false }
        return (offline ?? self.engine.offlineChoice(frame.message.qos != .atMostOnce)) == .queue
    }

    /// Something was written into the outbox: whether whoever did it has to wake the event loop.
    mutating func mustWake() -> Bool {
        defer { self.isFlushScheduled = true }
        return !self.isFlushScheduled
    }

    /// Notes that the server has taken a message; those who wait learn it at the end of the burst.
    mutating func succeeded(_ operation: OperationID) {
        switch operation.kind {
        case .receipt: self.operations.receipts.succeeded(operation)
        case .batch: self.operations.batches.succeeded(operation)
        case .call: self.effects.append(.complete(operation, .published(.success, Properties())))
        // A request waits for its reply.
        case .request: break
        }
    }
}
