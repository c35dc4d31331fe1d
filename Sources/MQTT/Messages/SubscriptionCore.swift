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
    /// What the link has to know after messages came.
    struct Pushed {
        var dropped = 0
        var becameOverfull = false
        var failed = false
    }

    struct State {
        var buffer: Deque<BufferedMessage> = []
        var bytes = 0
        /// How many of ``bytes`` the link knows of; it is told now and then, not for every message.
        var reportedBytes = 0
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

        /// What the link's count of bytes has to change by, once it is worth it.
        mutating func reportBytes(always: Bool = false) -> Int {
            let difference = self.bytes - self.reportedBytes
            guard always || difference.magnitude > 65_536 || (self.bytes == 0 && difference != 0) else { return 0 }
            self.reportedBytes = self.bytes
            return difference
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

    // MARK: - On the event loop

    /// Takes what came in one burst, moving it out of the array; called without the link's lock.
    func push(_ messages: inout [BufferedMessage?]) -> Pushed {
        let isOverBudget = self.link.isOverBudget
        let (pushed, waiter, mustAcknowledge, bytes) = self.state.withLock { state in
            var pushed = Pushed()
            for index in messages.indices {
                // `take` moves: no reference is counted.
                guard let message = messages[index].take() else { continue }
                if state.end == nil, state.buffer.count < self.options.bufferSize {
                    state.bytes += message.cost
                    state.buffer.append(message)
                } else {
                    self.append(message, isOverBudget: isOverBudget, to: &state, &pushed)
                }
            }
            let waiter = state.buffer.isEmpty ? nil : state.waiter.take()
            return (pushed, waiter, state.scheduleAcknowledgement(), state.reportBytes())
        }
        if bytes != 0 { self.link.bufferedBytes.add(bytes, ordering: .relaxed) }
        waiter?.continuation.resume(returning: .ready)
        if mustAcknowledge { self.link.scheduleAcknowledgements(of: self) }
        return pushed
    }

    /// Takes a message that finds the buffer full, or the subscription at its end.
    private func append(
        _ message: BufferedMessage,
        isOverBudget: Bool,
        to state: inout State,
        _ pushed: inout Pushed
    ) {
        guard state.end == nil else {
            if let token = message.token { state.acknowledged.append(token) }
            return
        }
        switch self.options.bufferPolicy {
        case .suspend:
            // What was acknowledged on arrival, or never will be, is all that may be lost.
            if message.token == nil, isOverBudget {
                pushed.dropped += 1
                return
            }
            if !state.isOverfull {
                state.isOverfull = true
                pushed.becameOverfull = true
            }
        case .dropOldest:
            if let oldest = state.buffer.popFirst() {
                state.bytes -= oldest.cost
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
        state.bytes += message.cost
        state.buffer.append(message)
    }

    // MARK: - On the consumer's side

    /// The next message, if there is one.
    func takeNext() -> MQTTMessage? {
        let (message, mustAcknowledge, recovered, bytes) = self.state.withLock { state in
            guard let message = state.buffer.popFirst() else { return (nil as BufferedMessage?, false, false, 0) }
            state.bytes -= message.cost
            self.noteHandOver(of: message.token, in: &state)
            return (message, state.scheduleAcknowledgement(), self.recovers(&state), state.reportBytes())
        }
        guard let message else { return nil }
        self.tell(mustAcknowledge: mustAcknowledge, recovered: recovered, bytes: bytes)
        return MQTTMessage(message, source: self)
    }

    /// All messages that are there, oldest first; empty when there is none.
    func takeAll() -> [MQTTMessage] {
        let (messages, mustAcknowledge, recovered, bytes) = self.state.withLock { state in
            var messages: Deque<BufferedMessage> = []
            swap(&messages, &state.buffer)
            state.bytes = 0
            if self.options.acknowledgement == .onHandOver {
                for message in messages { self.noteHandOver(of: message.token, in: &state) }
            }
            return (messages, state.scheduleAcknowledgement(), self.recovers(&state), state.reportBytes())
        }
        self.tell(mustAcknowledge: mustAcknowledge, recovered: recovered, bytes: bytes)
        return messages.map { MQTTMessage($0, source: self) }
    }

    private func noteHandOver(of token: DeliveryToken?, in state: inout State) {
        if let token, self.options.acknowledgement == .onHandOver { state.acknowledged.append(token) }
    }

    /// Whether a buffer that was full has room again.
    private func recovers(_ state: inout State) -> Bool {
        guard state.isOverfull, state.buffer.count <= self.options.bufferSize / 2 else { return false }
        state.isOverfull = false
        return true
    }

    private func tell(mustAcknowledge: Bool, recovered: Bool, bytes: Int) {
        if bytes != 0 { self.link.bufferedBytes.add(bytes, ordering: .relaxed) }
        if mustAcknowledge { self.link.scheduleAcknowledgements(of: self) }
        if recovered { self.link.subscriptionRecovered() }
    }
}
