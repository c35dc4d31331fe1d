// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Synchronization

extension Link {
    /// Publishes at QoS 1 or 2 without waiting.
    func enqueue(_ frame: PublishFrame) throws(MQTTError) -> PublishReceipt {
        let receipt = PublishReceipt()
        var refusal: EngineFailure?
        let after = self.state.withLock { state in
            let operation = state.operations.add(.receipt(receipt))
            switch state.engine.publish(frame, operation: operation, into: &state.effects) {
            case .send(let packetID):
                state.outbox.append(frame, packetID: packetID, duplicate: false)
            case .queued:
                break
            case .refused(let failure):
                _ = state.operations.take(operation)
                refusal = failure
            }
            return self.settle(&state)
        }
        self.carryOut(after)
        if let refusal { throw MQTTError(refusal) }
        return receipt
    }

    /// Publishes messages of one batch under one lock; waits while the outbox is full.
    func publish(_ frames: [PublishFrame], batch: PublishBatch) async {
        guard !frames.isEmpty else { return }
        batch.began(frames.count)
        var written = 0
        var refused = 0
        var refusal: EngineFailure?
        var isFull = false
        let after = self.state.withLock { state in
            for frame in frames {
                let isAcknowledged = frame.message.qos != .atMostOnce
                let operation = isAcknowledged ? state.operations.add(.batch(batch)) : OperationID(0)
                switch state.engine.publish(frame, operation: operation, into: &state.effects) {
                case .send(let packetID):
                    state.outbox.append(frame, packetID: packetID, duplicate: false)
                    if !isAcknowledged { written += 1 }
                case .queued:
                    if !isAcknowledged { written += 1 }
                case .refused(let failure):
                    if isAcknowledged { _ = state.operations.take(operation) }
                    refused += 1
                    refusal = refusal ?? failure
                }
            }
            isFull = state.outbox.count > Self.highWater
            return self.settle(&state)
        }
        self.carryOut(after)
        if written > 0 { batch.ended(written, failure: nil) }
        if let refusal { batch.ended(refused, failure: MQTTError(refusal)) }
        if isFull { await self.pace() }
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
