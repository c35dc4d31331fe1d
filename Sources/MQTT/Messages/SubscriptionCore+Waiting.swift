// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Synchronization

extension SubscriptionCore {
    /// Suspends until there may be something to take: true; false when the subscription has ended without an error.
    func waitForMessages() async throws(MQTTError) -> Bool {
        let number = self.waits.wrappingAdd(1, ordering: .relaxed).newValue
        let end = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if let end = self.register(continuation, number: number) { continuation.resume(returning: end) }
            }
        } onCancel: {
            let waiter = self.state.withLock { $0.waiter?.number == number ? $0.waiter.take() : nil }
            waiter?.continuation.resume(returning: .cancelled)
        }
        switch end {
        case .ready: return true
        case .ended(nil): return false
        case .ended(let error?): throw error
        case .cancelled: throw .cancelled
        case .busy: throw MQTTError(.alreadyIterating, "another task already waits for the next message")
        }
    }

    /// Stores the continuation, or says why there is nothing to wait for.
    private func register(_ continuation: UnsafeContinuation<WaitEnd, Never>, number: UInt64) -> WaitEnd? {
        self.state.withLock { state in
            if state.waiter != nil { return .busy }
            if !state.buffer.isEmpty { return .ready }
            if let end = state.end { return .ended(end.error) }
            // Cancelling sets the flag before it runs the handler: one of the two sees the other.
            if Task.isCancelled { return .cancelled }
            state.waiter = State.Waiter(number: number, continuation: continuation)
            return nil
        }
    }

    /// The tokens to acknowledge now.
    func takeAcknowledged() -> [DeliveryToken] {
        self.state.withLock { state in
            state.isAcknowledgementScheduled = false
            var taken: [DeliveryToken] = []
            swap(&taken, &state.acknowledged)
            return taken
        }
    }

    /// Acknowledges one message for the user; harmless with every other policy.
    func acknowledgeByHand(_ token: DeliveryToken, reason: ReasonCode) {
        guard self.options.acknowledgement == .manual else { return }
        self.link.acknowledge(token, reason: reason)
    }

    /// Ends the messages.
    ///
    /// What is in the buffer can still be taken, unless it is dropped.
    ///
    /// Dropped messages are acknowledged: they would hold back every later acknowledgement of the connection.
    func finish(_ error: MQTTError?, dropping: Bool) {
        if self.takesReplies { self.link.replySubscriptionEnded(self, error) }
        let (waiter, mustAcknowledge, wasOverfull, bytes) = self.state.withLock { state in
            if state.end == nil { state.end = State.End(error: error) }
            // Nothing more comes: it asks nobody to wait any longer.
            let wasOverfull = state.isOverfull
            state.isOverfull = false
            if dropping {
                state.buffer.forEachRun { run, range in
                    for entry in run.entries[range] {
                        if let token = entry.token { state.acknowledged.append(token) }
                    }
                }
                state.bytes = 0
                state.buffer.removeAll()
            }
            let bytes = state.reportBytes(always: true)
            return (state.waiter.take(), state.scheduleAcknowledgement(), wasOverfull, bytes)
        }
        if bytes != 0 { self.link.bufferedBytes.add(bytes, ordering: .relaxed) }
        waiter?.continuation.resume(returning: .ready)
        if mustAcknowledge { self.link.scheduleAcknowledgements(of: self) }
        if wasOverfull { self.link.subscriptionRecovered() }
    }
}
