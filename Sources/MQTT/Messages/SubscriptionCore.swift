// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import MQTTEngine
import MQTTWire
import Synchronization

/// The buffer of one subscription, between the event loop and its consumer.
///
/// Lock order: the link's lock is never taken under this one.
final class SubscriptionCore: Sendable {
    /// What the consumer gets when it asks.
    enum Taken {
        case message(MQTTMessage)
        case batch([MQTTMessage])
        case ended(MQTTError?)
        case empty
    }

    /// What the link has to know after messages came.
    struct Pushed {
        var dropped = 0
        var becameOverfull = false
        var failed = false
    }

    struct State {
        var buffer: Deque<MQTTMessage> = []
        var bytes = 0
        var isOverfull = false
        /// Tokens of messages handed over or dropped, not yet told to the link.
        var acknowledged: [DeliveryToken] = []
        var isAcknowledgementScheduled = false
        var waiter: Waiter?
        var waits: UInt64 = 0
        var end: End?

        struct End { var error: MQTTError? }

        struct Waiter {
            var number: UInt64
            var continuation: CheckedContinuation<WaitEnd, Never>
        }

        /// Whether the link has to be asked to come for tokens.
        mutating func scheduleAcknowledgement() -> Bool {
            guard !self.acknowledged.isEmpty, !self.isAcknowledgementScheduled else { return false }
            self.isAcknowledgementScheduled = true
            return true
        }
    }

    /// Why a wait for messages is over.
    enum WaitEnd { case ready, cancelled, busy }

    let id: SubscriptionID
    let filters: [TopicFilter]
    let options: SubscriptionSettings
    let link: Link
    let state = Mutex(State())

    init(id: SubscriptionID, filters: [TopicFilter], options: SubscriptionSettings, link: Link) {
        self.id = id
        self.filters = filters
        self.options = options
        self.link = link
    }

    func filter(at index: UInt16) -> TopicFilter {
        self.filters[Int(index) < self.filters.count ? Int(index) : 0]
    }

    /// Takes what came in one burst; called on the event loop, without the link's lock.
    func push(_ messages: ArraySlice<MQTTMessage>) -> Pushed {
        let (pushed, waiter, mustAcknowledge) = self.state.withLock { state in
            guard state.end == nil else {
                state.acknowledged.append(contentsOf: messages.compactMap(\.token))
                return (Pushed(), nil as State.Waiter?, state.scheduleAcknowledgement())
            }
            var pushed = Pushed()
            for message in messages { self.append(message, to: &state, &pushed) }
            let waiter = state.buffer.isEmpty ? nil : state.waiter.take()
            return (pushed, waiter, state.scheduleAcknowledgement())
        }
        waiter?.continuation.resume(returning: .ready)
        if mustAcknowledge { self.link.scheduleAcknowledgements(of: self) }
        return pushed
    }

    private func append(_ message: MQTTMessage, to state: inout State, _ pushed: inout Pushed) {
        if state.buffer.count >= self.options.bufferSize {
            switch self.options.bufferPolicy {
            case .suspend:
                // What was acknowledged on arrival, or never will be, is all that may be lost.
                if message.token == nil, self.link.isOverBudget {
                    pushed.dropped += 1
                    return
                }
                if !state.isOverfull {
                    state.isOverfull = true
                    pushed.becameOverfull = true
                }
            case .dropOldest:
                if let oldest = state.buffer.popFirst() {
                    self.release(oldest, from: &state)
                    if let token = oldest.token { state.acknowledged.append(token) }
                }
                pushed.dropped += 1
            case .dropNewest:
                if let token = message.token { state.acknowledged.append(token) }
                pushed.dropped += 1
                return
            case .fail:
                // Acknowledged too: it would hold back every later acknowledgement of the connection.
                if let token = message.token { state.acknowledged.append(token) }
                pushed.failed = true
                return
            }
        }
        state.buffer.append(message)
        state.bytes += message.cost
        self.link.bufferedBytes.add(message.cost, ordering: .relaxed)
    }

    /// The consumer gets the message: acknowledge it, unless the user does.
    private func handOver(_ message: MQTTMessage, from state: inout State) {
        if let token = message.token, self.options.acknowledgement == .onHandOver { state.acknowledged.append(token) }
        self.release(message, from: &state)
    }

    /// The message leaves the buffer: give its bytes back.
    private func release(_ message: MQTTMessage, from state: inout State) {
        state.bytes -= message.cost
        self.link.bufferedBytes.subtract(message.cost, ordering: .relaxed)
    }

    /// The next message, or all of them.
    private func take(all: Bool) -> (taken: Taken, mustAcknowledge: Bool, recovered: Bool) {
        self.state.withLock { state in
            guard let first = state.buffer.popFirst() else {
                if let end = state.end { return (.ended(end.error), false, false) }
                return (.empty, false, false)
            }
            self.handOver(first, from: &state)
            var taken = Taken.message(first)
            if all {
                var batch = [first]
                batch.reserveCapacity(state.buffer.count + 1)
                for message in state.buffer { self.handOver(message, from: &state) }
                batch.append(contentsOf: state.buffer)
                state.buffer.removeAll(keepingCapacity: true)
                taken = .batch(batch)
            }
            let recovered = state.isOverfull && state.buffer.count <= self.options.bufferSize / 2
            if recovered { state.isOverfull = false }
            return (taken, state.scheduleAcknowledgement(), recovered)
        }
    }

    /// Waits for messages.
    ///
    /// Ends with `nil` when the subscription ended without an error.
    func next(all: Bool) async throws(MQTTError) -> Taken {
        while true {
            let (taken, mustAcknowledge, recovered) = self.take(all: all)
            if mustAcknowledge { self.link.scheduleAcknowledgements(of: self) }
            if recovered { self.link.subscriptionRecovered() }
            switch taken {
            case .message, .batch: return taken
            case .ended(let error):
                if let error { throw error }
                return taken
            case .empty: try await self.wait()
            }
        }
    }
}
