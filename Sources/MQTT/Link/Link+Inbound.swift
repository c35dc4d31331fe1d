// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Synchronization

extension Link {
    /// Messages of one burst, in runs of the same subscription.
    private struct Deliveries {
        var messages: [MQTTMessage] = []
        var runs: [(core: SubscriptionCore, count: Int)] = []

        mutating func append(_ message: MQTTMessage) {
            if let last = self.runs.indices.last, self.runs[last].core === message.source {
                self.runs[last].count += 1
            } else {
                self.runs.append((message.source, 1))
            }
            self.messages.append(message)
        }
    }

    /// One burst of packets: one lock, one write, then everything that may run the user's code.
    func received(_ burst: inout [Packet], attempt: UInt64) {
        var deliveries = Deliveries()
        let after = self.state.withLock { state -> Aftermath? in
            guard state.attempt == attempt, state.channel != nil else { return nil }
            let now = self.world.now
            state.engine.bytesReceived(now: now)
            for packet in burst {
                guard case .publish(let publish) = packet else {
                    state.engine.received(packet, now: now, into: &state.effects)
                    continue
                }
                let arrival = state.engine.receivedPublish(publish, now: now, into: &state.effects)
                guard case .deliver(let route, let token) = arrival else { continue }
                Self.note(publish, route, token, &state, &deliveries)
            }
            return self.settle(&state)
        }
        guard let after else { return }
        self.deliver(deliveries)
        self.carryOut(after, wakes: false)
        self.flush()
    }

    private static func note(
        _ publish: Publish,
        _ route: Route,
        _ token: DeliveryToken?,
        _ state: inout State,
        _ deliveries: inout Deliveries
    ) {
        func note(_ destination: Destination) {
            guard let core = state.subscriptions[Int(destination.subscription.rawValue)] else { return }
            deliveries.append(
                MQTTMessage(
                    publish: publish,
                    source: core,
                    filterIndex: destination.filter,
                    token: destination.acknowledgesLater ? token : nil
                )
            )
        }
        switch route {
        case .nobody: break
        case .one(let destination): note(destination)
        case .many(let destinations): for destination in destinations { note(destination) }
        }
    }

    private func deliver(_ deliveries: Deliveries) {
        var start = 0
        for run in deliveries.runs {
            let pushed = run.core.push(deliveries.messages[start..<start + run.count])
            start += run.count
            if pushed.dropped > 0 { self.tellDropped(pushed.dropped, of: run.core) }
            if pushed.failed { self.overflowed(run.core) }
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
