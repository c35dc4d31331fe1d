// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Synchronization

extension Link {
    /// The packets of one read: one lock, one write, then everything that may run the user's code.
    func received(_ bursts: [PacketBurst], attempt: UInt64) {
        var runs: [MessageRun] = []
        // Asked before: one packet may be larger than the budget, and is taken all the same.
        let wasFarOverBudget = self.isFarOverBudget
        let after = self.state.withLock { state -> Aftermath? in
            guard state.attempt == attempt, state.channel != nil else { return nil }
            let now = self.world.now
            state.engine.bytesReceived(now: now)
            for burst in bursts {
                if state.engine.isAuthenticatingConnect {
                    state.receivedWhileAuthenticating(burst, now: now, into: &runs)
                } else {
                    state.received(burst, now: now, into: &runs)
                }
            }
            return self.settle(&state)
        }
        guard let after else { return }
        self.finishReceiving(runs, after)
        if wasFarOverBudget, self.isFarOverBudget { self.closeOverBudget(attempt: attempt) }
        self.flush()
    }

    /// What follows from packets, once the lock is released.
    func finishReceiving(_ runs: [MessageRun], _ after: Aftermath) {
        var after = after
        // Before the messages: a consumer may disconnect at once, and the events have to be told in their order.
        let events = after.events
        self.tell(events)
        after.events = []
        self.deliver(runs)
        // A reply that came just before the connection ended is one.
        self.requestsLearn(of: events)
        self.carryOut(after, wakes: false)
    }

    /// Bytes came that end no packet: the peer lives, however long the packet takes.
    func bytesReceived(attempt: UInt64) {
        self.change { state in
            guard state.attempt == attempt, state.channel != nil else { return }
            state.engine.bytesReceived(now: self.world.now)
        }
    }

    /// Messages that may not be dropped fill the memory: the server has to keep them.
    private func closeOverBudget(attempt: UInt64) {
        self.change { state in
            guard state.attempt == attempt, state.channel != nil else { return }
            let words = "the unacknowledged messages take more memory than the budget allows"
            state.engine.malformed(DecodingError(.quotaExceeded, words), now: self.world.now, into: &state.effects)
        }
    }

    func deliver(_ runs: [MessageRun]) {
        for run in runs {
            var start = 0
            while start < run.entries.count {
                let source = run.entries[start].source
                var end = start + 1
                while end < run.entries.count, run.entries[end].source == source { end += 1 }
                self.deliver(run, start..<end, to: run.sources[Int(source)])
                start = end
            }
        }
    }

    private func deliver(_ run: MessageRun, _ range: Range<Int>, to core: SubscriptionCore) {
        guard !core.takesReplies else { return self.receivedReplies(run, range, by: core) }
        let pushed = core.push(run, range)
        if pushed.dropped > 0 { self.tellDropped(pushed.dropped, of: core) }
        if pushed.failed { self.overflowed(core) }
        if pushed.becameOverfull { self.change { $0.overfull += 1 } }
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

extension Link.State {
    /// Lets the engine acknowledge what was handed over.
    mutating func collectAcknowledgements() {
        guard !self.acknowledging.isEmpty else { return }
        for core in self.acknowledging {
            for token in core.takeAcknowledged() { self.engine.acknowledge(token, into: &self.effects) }
        }
        self.acknowledging.removeAll(keepingCapacity: true)
    }

    /// Lets the engine decide on the packets of one buffer, and collects the messages for the subscriptions.
    mutating func received(_ burst: PacketBurst, now: Instant, into runs: inout [MessageRun]) {
        self.arrivals.begin(count: burst.entries.count)
        for entry in burst.entries {
            switch entry.kind {
            case .publish:
                self.receivedPublish(entry, of: burst, now: now)
            case .pubAck, .pubRec, .pubComp:
                guard let packetID = entry.packetID else { continue }
                self.receivedAcknowledgement(entry.kind, packetID, now: now)
            case .pubRel, .other:
                self.engine.received(burst.packet(of: entry), now: now, into: &self.effects)
            }
        }
        if let run = self.arrivals.take(of: burst, now: now) { runs.append(run) }
    }

    /// An acknowledgement that says plain success: without an effect for each.
    @inline(__always)
    private mutating func receivedAcknowledgement(_ kind: PacketBurst.Kind, _ packetID: PacketID, now: Instant) {
        switch kind {
        case .pubAck:
            let ended = self.engine.receivedPubAck(packetID, now: now, into: &self.effects)
            if let ended { self.succeeded(ended) }
        case .pubComp:
            let ended = self.engine.receivedPubComp(packetID, now: now, into: &self.effects)
            if let ended { self.succeeded(ended) }
        default:
            let mustRelease = self.engine.receivedPubRec(packetID, now: now, into: &self.effects)
            if mustRelease { self.outbox.appendPlain(.pubRel, packetID) }
        }
    }

    @inline(__always)
    private mutating func receivedPublish(_ publish: PacketBurst.Entry, of burst: PacketBurst, now: Instant) {
        switch self.engine.receivedPublish(publish, of: burst, now: now, into: &self.effects) {
        case .nothing, .deliver(.nobody, _):
            break
        case .deliver(.one(let destination), let token):
            self.collect(publish, for: destination, token)
        case .deliver(.many(let destinations), let token):
            for destination in destinations { self.collect(publish, for: destination, token) }
        case .keep(let token):
            self.unclaimed.append(publish, of: burst, token, at: now)
        }
    }

    /// Adds a message for a subscription; one that has ended gets nothing.
    @inline(__always)
    private mutating func collect(
        _ publish: PacketBurst.Entry,
        for destination: Destination,
        _ token: DeliveryToken?
    ) {
        let number = Int(destination.subscription.rawValue)
        if !self.arrivals.select(number) {
            guard let core = self.subscriptions[number] else { return }
            self.arrivals.select(number, core)
        }
        self.arrivals.add(publish, for: destination, token)
    }
}
