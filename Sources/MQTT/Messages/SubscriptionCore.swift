// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

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
        var buffer = MessageQueue()
        var bytes = 0
        /// How many of ``bytes`` the link knows of; it is told now and then, not for every message.
        var reportedBytes = 0
        var isOverfull = false
        /// Tokens of messages handed over or dropped, not yet told to the link.
        var acknowledged: [DeliveryToken] = []
        var isAcknowledgementScheduled = false
        var waiter: Waiter?
        var end: End?

        struct End { var error: MQTTError? }

        struct Waiter {
            var number: UInt64
            var continuation: UnsafeContinuation<WaitEnd, Never>
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
    enum WaitEnd {
        case ready, cancelled, busy
        indirect case ended(MQTTError?)
    }

    let id: SubscriptionID
    let filters: [TopicFilter]
    let options: SubscriptionSettings
    let link: Link
    /// Whether its messages are replies to requests: those go to the requests and are never buffered.
    let takesReplies: Bool
    let state = Mutex(State())
    /// Numbers the waits, so that a cancellation ends its own only.
    let waits = Atomic<UInt64>(0)

    init(
        id: SubscriptionID,
        filters: [TopicFilter],
        options: SubscriptionSettings,
        link: Link,
        takesReplies: Bool = false
    ) {
        self.id = id
        self.filters = filters
        self.options = options
        self.link = link
        self.takesReplies = takesReplies
    }

    func filter(at index: UInt16) -> TopicFilter {
        self.filters[Int(index) < self.filters.count ? Int(index) : 0]
    }

    // MARK: - On the event loop

    /// Takes what came in one buffer; called without the link's lock.
    func push(_ run: MessageRun, _ range: Range<Int>) -> Pushed {
        let isOverBudget = self.link.isOverBudget
        let (pushed, waiter, mustAcknowledge, bytes) = self.state.withLock { state in
            var pushed = Pushed()
            let room = self.room(for: range.count, isOverBudget: isOverBudget, in: &state, &pushed)
            let taken = range.prefix(room)
            for index in taken { state.bytes += run.entries[index].cost }
            state.buffer.append(run, taken)
            for index in range.dropFirst(room) {
                self.append(run, index, isOverBudget: isOverBudget, to: &state, &pushed)
            }
            let waiter = state.buffer.isEmpty ? nil : state.waiter.take()
            return (pushed, waiter, state.scheduleAcknowledgement(), state.reportBytes())
        }
        if bytes != 0 { self.link.bufferedBytes.add(bytes, ordering: .relaxed) }
        waiter?.continuation.resume(returning: .ready)
        if mustAcknowledge { self.link.scheduleAcknowledgements(of: self) }
        return pushed
    }

    /// How many of so many messages can be taken without a look at each.
    private func room(
        for count: Int,
        isOverBudget: Bool,
        in state: inout State,
        _ pushed: inout Pushed
    ) -> Int {
        guard state.end == nil else { return 0 }
        let free = self.options.bufferSize - state.buffer.count
        guard count > free else { return count }
        guard self.options.bufferPolicy == .suspend, !isOverBudget else { return max(0, free) }
        // They are kept all the same: the server has to wait before it sends more.
        if !state.isOverfull {
            state.isOverfull = true
            pushed.becameOverfull = true
        }
        return count
    }

    /// Takes a message that finds the buffer full, or the subscription at its end.
    private func append(
        _ run: MessageRun,
        _ index: Int,
        isOverBudget: Bool,
        to state: inout State,
        _ pushed: inout Pushed
    ) {
        let entry = run.entries[index]
        guard state.end == nil else {
            if let token = entry.token { state.acknowledged.append(token) }
            return
        }
        switch self.options.bufferPolicy {
        case .suspend:
            // What was acknowledged on arrival, or never will be, is all that may be lost.
            if !entry.mustAcknowledge, isOverBudget {
                pushed.dropped += 1
                return
            }
            if !state.isOverfull {
                state.isOverfull = true
                pushed.becameOverfull = true
            }
        case .dropOldest:
            if let (oldRun, oldIndex) = state.buffer.popFirst() {
                let oldest = oldRun.entries[oldIndex]
                state.bytes -= oldest.cost
                if let token = oldest.token { state.acknowledged.append(token) }
            }
            pushed.dropped += 1
        case .dropNewest:
            if let token = entry.token { state.acknowledged.append(token) }
            pushed.dropped += 1
            return
        case .fail:
            // Acknowledged too: it would hold back every later acknowledgement of the connection.
            if let token = entry.token { state.acknowledged.append(token) }
            pushed.failed = true
            return
        }
        state.bytes += entry.cost
        state.buffer.append(run, index..<index + 1)
    }

    // MARK: - On the consumer's side

    /// The next message, if there is one.
    func takeNext() -> MQTTMessage? {
        let (message, mustAcknowledge, recovered, bytes) = self.state.withLock { state in
            guard let (run, index) = state.buffer.popFirst() else { return (nil as MQTTMessage?, false, false, 0) }
            let entry = run.entries[index]
            state.bytes -= entry.cost
            if entry.mustAcknowledge { self.noteHandOver(of: entry, in: &state) }
            let message = MQTTMessage(run: run, index: index)
            return (message, state.scheduleAcknowledgement(), self.recovers(&state), state.reportBytes())
        }
        guard let message else { return nil }
        self.tell(mustAcknowledge: mustAcknowledge, recovered: recovered, bytes: bytes)
        return message
    }

    /// All messages that are there, oldest first; empty when there is none.
    func takeAll() -> [MQTTMessage] {
        let (messages, mustAcknowledge, recovered, bytes) = self.state.withLock { state in
            guard !state.buffer.isEmpty else { return ([MQTTMessage](), false, false, 0) }
            var messages: [MQTTMessage] = []
            messages.reserveCapacity(state.buffer.count)
            state.buffer.forEachRun { run, range in
                for index in range {
                    if run.entries[index].mustAcknowledge { self.noteHandOver(of: run.entries[index], in: &state) }
                    messages.append(MQTTMessage(run: run, index: index))
                }
            }
            state.buffer.removeAll()
            state.bytes = 0
            return (messages, state.scheduleAcknowledgement(), self.recovers(&state), state.reportBytes())
        }
        if !messages.isEmpty { self.tell(mustAcknowledge: mustAcknowledge, recovered: recovered, bytes: bytes) }
        return messages
    }

    private func noteHandOver(of entry: MessageRun.Entry, in state: inout State) {
        guard self.options.acknowledgement == .onHandOver, let token = entry.token else { return }
        state.acknowledged.append(token)
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
