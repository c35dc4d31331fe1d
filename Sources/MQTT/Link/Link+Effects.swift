// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Logging
import MQTTEngine
import MQTTWire
import NIOCore
import Synchronization

extension Link {
    /// Asks the engine something, then does what follows from it.
    func change(_ body: (inout State) -> Void, wakes: Bool = true) {
        let after = self.state.withLock { state in
            body(&state)
            return self.settle(&state)
        }
        self.carryOut(after, wakes: wakes)
    }

    /// Under the lock: does what can be done there, and notes the rest.
    func settle(_ state: inout State) -> Aftermath {
        var after = Aftermath()
        self.runEffects(&state, &after)
        if state.engine.maySendWaiting {
            state.engine.sendWaiting(into: &state.effects) { frame, packetID in
                state.outbox.append(frame, packetID: packetID, duplicate: false)
            }
            self.runEffects(&state, &after)
        }
        after.receipts = state.operations.receipts.takeEnded()
        after.batches = state.operations.batches.takeEnded()
        if state.channel != nil, state.outbox.count > 0, !state.isFlushScheduled {
            state.isFlushScheduled = true
            after.mustWake = true
        }
        if let next = state.engine.nextDeadline, state.alarm.map({ next < $0 }) ?? true {
            state.alarm = next
            after.alarm = next
        }
        self.updateReading(&state, &after)
        if !state.drains.isEmpty, state.engine.session.outbound.pendingCount == 0 {
            for operation in state.drains {
                if let waiter = state.operations.take(operation) { after.ended.append((waiter, .disconnected)) }
            }
            state.drains = []
        }
        if !state.storeChanges.isEmpty, !state.isStoring {
            state.isStoring = true
            after.mustStore = true
        }
        return after
    }

    private func runEffects(_ state: inout State, _ after: inout Aftermath) {
        guard !state.effects.isEmpty else { return }
        var effects: [Effect] = []
        swap(&effects, &state.effects)
        for effect in effects { self.run(effect, &state, &after) }
        effects.removeAll(keepingCapacity: true)
        swap(&effects, &state.effects)
    }

    private func run(_ effect: Effect, _ state: inout State, _ after: inout Aftermath) {
        switch effect {
        case .send(let packet):
            do throws(EncodingError) { try state.outbox.append(packet) } catch { self.couldNotEncode(error) }
        case .answer(let answer):
            do throws(EncodingError) { try state.outbox.append(answer) } catch { self.couldNotEncode(error) }
        case .sendPublish(let frame, let packetID, let duplicate):
            state.outbox.append(frame, packetID: packetID, duplicate: duplicate)
        case .sendUnacknowledged(let frame):
            state.outbox.append(frame, packetID: nil, duplicate: false)
        case .persist(let change, let ticket):
            state.storeChanges.append(change)
            state.storeTicket = ticket
        case .complete(let operation, let completion):
            if operation.kind == .request {
                after.requests.append((operation.number, completion, state.attempt))
            } else if let waiter = state.operations.take(operation) {
                after.ended.append((waiter, completion))
            }
        case .endSubscription(let id, let failure):
            if let core = self.release(id, &state) { after.endedSubscriptions.append((core, failure)) }
        case .deliverUnclaimed(let token, let destination):
            guard let core = state.subscriptions[Int(destination.subscription.rawValue)],
                let run = state.unclaimed.take(token, for: destination, core)
            else { break }
            after.claimed.append(run)
        case .dropUnclaimed:
            state.unclaimed.removeAll()
        case .authenticate(let step, let number):
            self.prepare(step, number, &state, &after)
        case .dial:
            state.attempt += 1
            after.dial = state.attempt
        case .close:
            self.close(&state, &after)
        case .report(let event):
            // Told before anything is sent on the connection, and so before the first message.
            if case .connected(let connected) = event {
                state.outbox.connected(connected.limits, policy: self.settings.topicAliasPolicy)
            }
            if case .disconnected = event { self.abandonAuthentication(&state, &after) }
            after.events.append(event)
        }
    }

    private func couldNotEncode(_ error: EncodingError) {
        self.settings.logger.error("a packet could not be encoded", metadata: ["error": "\(error)"])
    }

    private func close(_ state: inout State, _ after: inout Aftermath) {
        let contents = state.outbox.disconnected()
        self.endPacing(&state, &after)
        self.abandonAuthentication(&state, &after)
        state.isReadingPaused = false
        state.isFlushScheduled = false
        guard let channel = state.channel else { return }
        state.channel = nil
        state.closing = channel
        after.closing = Aftermath.Closing(channel: channel, contents: contents)
    }

    /// Whether ``updateReading(_:_:)`` has to look closer.
    @inline(__always)
    func mayChangeReading(_ state: borrowing State) -> Bool {
        state.overfull > 0 || state.isReadingPaused || state.holdsPackets || state.outbox.count > Self.stallLimit
    }

    /// Reading pauses while a full subscription wants it and no answer is due, while the peer takes nothing, and while the
    /// server's proof is being checked.
    func updateReading(_ state: inout State, _ after: inout Aftermath) {
        guard self.mayChangeReading(state) else { return }
        guard let channel = state.channel else { return }
        // Below zero for a moment when a consumer was faster than the note that its buffer was full.
        let mayRead = !state.holdsPackets && (state.overfull <= 0 || state.engine.isAwaitingReply)
        let shouldRead = mayRead && state.outbox.count <= Self.stallLimit
        guard shouldRead == state.isReadingPaused else { return }
        state.isReadingPaused = !shouldRead
        after.reading = (channel, shouldRead)
    }

    /// Pausing and going on may come here in the wrong order: what counts is the state, as seen on the event loop.
    private func applyReading(to channel: any Channel) {
        guard channel.eventLoop.inEventLoop else {
            channel.eventLoop.execute { self.applyReading(to: channel) }
            return
        }
        let isReading = self.state.withLock { !$0.isReadingPaused }
        channel.setOption(.autoRead, value: isReading).whenFailure { _ in }
    }

    /// Without the lock: writes, wakes, resumes, tells.
    func carryOut(_ after: Aftermath, wakes: Bool = true) {
        if let closing = after.closing { Self.close(closing) }
        if let channel = after.reading?.channel { self.applyReading(to: channel) }
        if wakes, after.mustWake { self.world.wake(self) }
        if let alarm = after.alarm { self.world.setAlarm(at: alarm, for: self) }
        if let abandoned = after.abandoned { abandoned.task?.cancel() }
        if let step = after.step { self.run(step) }
        if let attempt = after.dial { self.dial(attempt: attempt) }
        if after.mustStore { self.startStoring() }
        // Before the calls go on: whoever watches from then on must not be told what the call has told.
        if !after.events.isEmpty {
            self.tell(after.events)
            self.requestsLearn(of: after.events)
        }
        if !after.claimed.isEmpty { self.deliver(after.claimed) }
        // The same: a call that goes on finds the subscriptions that came to an end before it.
        for item in after.endedSubscriptions {
            let error = item.failure.kind == .closed ? nil : MQTTError(item.failure)
            item.core.finish(error, dropping: false)
        }
        for item in after.receipts { item.block.succeed(item.bits) }
        for item in after.ended { item.waiter.end(item.completion) }
        if !after.requests.isEmpty { self.requestsCompleted(after.requests) }
        for item in after.batches { item.batch.ended(item.count, failure: nil) }
    }

    /// Writes the last bytes and closes; a peer that takes nothing is not waited for long.
    private static func close(_ closing: Aftermath.Closing) {
        let channel = closing.channel
        let written = channel.eventLoop.makePromise(of: Void.self)
        closing.contents.write(to: channel, promise: written)
        let patience = channel.eventLoop.scheduleTask(in: .seconds(5)) { channel.close(promise: nil) }
        written.futureResult.whenComplete { _ in
            patience.cancel()
            channel.close(promise: nil)
        }
    }
}
