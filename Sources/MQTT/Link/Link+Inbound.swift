// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Synchronization

extension Link {
    /// Messages of one burst, in runs of the same subscription.
    private struct Deliveries {
        struct Run {
            var core: SubscriptionCore
            var messages: [BufferedMessage?]
        }

        var runs: [Run] = []

        mutating func append(_ message: consuming BufferedMessage, to core: SubscriptionCore) {
            if let last = self.runs.indices.last, self.runs[last].core === core {
                self.runs[last].messages.append(message)
            } else {
                self.runs.append(Run(core: core, messages: [message]))
            }
        }
    }

    /// One burst of packets: one lock, one write, then everything that may run the user's code.
    func received(_ burst: inout [Packet], attempt: UInt64) {
        var deliveries = Deliveries()
        let after = self.state.withLock { state -> Aftermath? in
            guard state.attempt == attempt, state.channel != nil else { return nil }
            let now = self.world.now
            state.engine.bytesReceived(now: now)
            for index in burst.indices {
                // Moved out, not copied: half the cost of a small message is counting references.
                var packet = Packet.pingRequest
                swap(&packet, &burst[index])
                switch consume packet {
                case .publish(let publish): Self.received(publish, now: now, &state, &deliveries)
                case .pubAck(let ack) where ack.isPlain:
                    if let ended = state.engine.receivedPubAck(ack.packetID, now: now, into: &state.effects) {
                        state.succeeded(ended)
                    }
                case .pubRec(let ack) where ack.isPlain:
                    if state.engine.receivedPubRec(ack.packetID, now: now, into: &state.effects) {
                        state.outbox.appendPubRel(ack.packetID)
                    }
                case .pubComp(let ack) where ack.isPlain:
                    if let ended = state.engine.receivedPubComp(ack.packetID, now: now, into: &state.effects) {
                        state.succeeded(ended)
                    }
                case let other: state.engine.received(other, now: now, into: &state.effects)
                }
            }
            return self.settle(&state)
        }
        guard var after else { return }
        // Before the messages: a consumer may disconnect at once, and the events have to be told in their order.
        self.tell(after.events)
        after.events = []
        self.deliver(&deliveries)
        self.carryOut(after, wakes: false)
        if self.isFarOverBudget { self.closeOverBudget(attempt: attempt) }
        self.flush()
    }

    /// Messages that may not be dropped fill the memory: the server has to keep them.
    private func closeOverBudget(attempt: UInt64) {
        self.change { state in
            guard state.attempt == attempt, state.channel != nil else { return }
            let words = "the unacknowledged messages take more memory than the budget allows"
            state.engine.malformed(DecodingError(.quotaExceeded, words), now: self.world.now, into: &state.effects)
        }
    }

    private static func received(
        _ publish: consuming Publish,
        now: Instant,
        _ state: inout State,
        _ deliveries: inout Deliveries
    ) {
        let arrival = state.engine.receivedPublish(publish, now: now, into: &state.effects)
        guard case .deliver(let route, let token) = arrival else { return }
        switch route {
        case .nobody:
            break
        case .one(let destination):
            guard let core = state.subscriptions[Int(destination.subscription.rawValue)] else { return }
            let token = destination.acknowledgesLater ? token : nil
            let message = BufferedMessage(publish: publish, filterIndex: destination.filter, token: token)
            deliveries.append(message, to: core)
        case .many(let destinations):
            let publish = publish
            for destination in destinations {
                guard let core = state.subscriptions[Int(destination.subscription.rawValue)] else { continue }
                let token = destination.acknowledgesLater ? token : nil
                let message = BufferedMessage(publish: publish, filterIndex: destination.filter, token: token)
                deliveries.append(message, to: core)
            }
        }
    }

    private func deliver(_ deliveries: inout Deliveries) {
        for index in deliveries.runs.indices {
            let core = deliveries.runs[index].core
            let pushed = core.push(&deliveries.runs[index].messages)
            if pushed.dropped > 0 { self.tellDropped(pushed.dropped, of: core) }
            if pushed.failed { self.overflowed(core) }
            if pushed.becameOverfull { self.change { $0.overfull += 1 } }
        }
    }

    /// The buffer of a subscription with the policy `fail` is full: it ends, and nothing else does.
    private func overflowed(_ core: SubscriptionCore) {
        self.end(core)
        let words = "the buffer of \(core.options.bufferSize) messages was full"
        core.finish(MQTTError(.bufferOverflow, words), dropping: false)
    }

    /// A subscription that asked the server to wait has room again.
    func subscriptionRecovered() { self.change { $0.overfull -= 1 } }

    /// A subscription has messages to acknowledge: the event loop fetches them, once for many.
    func scheduleAcknowledgements(of core: SubscriptionCore) {
        let mustWake = self.state.withLock { state in
            state.acknowledging.append(core)
            guard !state.isFlushScheduled else { return false }
            state.isFlushScheduled = true
            return true
        }
        if mustWake { self.world.wake(self) }
    }

    /// Acknowledges one message at once.
    func acknowledge(_ token: DeliveryToken, reason: ReasonCode) {
        self.change { $0.engine.acknowledge(token, reason: reason, into: &$0.effects) }
    }
}

extension Acknowledgement {
    /// Whether it says nothing but success.
    fileprivate var isPlain: Bool { self.reason == .success && self.properties.isEmpty }
}
