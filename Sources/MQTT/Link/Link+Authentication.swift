// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import NIOCore
import Synchronization

// MARK: - Before CONNECT

extension Link {
    /// Begins an exchange where there is an authenticator, then opens a channel.
    func dial(attempt: UInt64) {
        guard let authenticator = self.settings.authenticator?.authenticator else {
            self.world.dial(for: self, attempt: attempt)
            return
        }
        let task = Task { await self.begin(with: authenticator, attempt: attempt) }
        let isWanted = self.state.withLock { state in
            guard state.isDialing(attempt) else { return false }
            if state.authentication == nil { state.authentication = RunningAuthentication() }
            state.authentication?.task = task
            return true
        }
        if !isWanted { task.cancel() }
    }

    private func begin(with authenticator: any Authenticator, attempt: UInt64) async {
        do {
            var exchange = try await authenticator.makeExchange()
            let opening = try await exchange.begin()
            try self.check(opening, method: authenticator.method)
            let begun = HeldExchange(exchange)
            let isWanted = self.state.withLock { state in
                guard state.isDialing(attempt) else { return false }
                // Nothing of the user's was there before: its place is let go of when the attempt is.
                if state.authentication == nil { state.authentication = RunningAuthentication() }
                state.authentication?.exchange = begun
                state.authentication?.opening = opening.properties
                return true
            }
            if isWanted { self.world.dial(for: self, attempt: attempt) }
        } catch {
            var failure = EngineFailure(.credentialsUnavailable, "the authentication could not be begun: \(error)")
            failure.cause = EngineFailure.Cause(error)
            self.openFailed(failure, attempt: attempt)
        }
    }

    /// Refuses what no packet can carry, before anything is opened.
    private func check(_ message: AuthenticationMessage, method: String) throws(EncodingError) {
        let properties = Properties([.authenticationMethod(method)] + message.properties)
        let packet = Auth(reason: .reauthenticate, properties: properties)
        _ = try PacketEncoder(version: self.settings.version).encodedSize(of: .auth(packet))
    }
}

extension Link.State {
    fileprivate func isDialing(_ attempt: UInt64) -> Bool {
        self.attempt == attempt && self.channel == nil && self.engine.isActive
    }
}

// MARK: - Steps

extension Link {
    /// Under the lock: the engine wants a step done.
    func prepare(_ step: AuthenticationStep, _ number: StepNumber, _ state: inout State, _ after: inout Aftermath) {
        guard let channel = state.channel else { return }
        if step == .begin { state.authentication = RunningAuthentication() }
        let exchange = state.authentication?.exchange
        state.authentication?.exchange = nil
        state.authentication?.number = number
        state.holdsPackets = state.engine.holdsPackets
        after.step = PendingStep(step: step, number: number, exchange: exchange, channel: channel)
    }

    /// Under the lock: the exchange is over, whatever runs of it.
    func abandonAuthentication(_ state: inout State, _ after: inout Aftermath) {
        guard state.authentication != nil else { return }
        after.abandoned = state.authentication.take()
        // Let go of with the rest, without the lock.
        if let step = after.step.take() { after.abandoned?.exchange = step.exchange }
        state.holdsPackets = false
        state.heldBursts = []
    }

    /// Runs a step of the user's code; one at a time, as the engine asks for them one by one.
    func run(_ pending: PendingStep) {
        let authenticator = self.settings.authenticator?.authenticator
        let (step, number, exchange, channel) = (pending.step, pending.number, pending.exchange, pending.channel)
        let task = Task {
            let outcome = await Self.outcome(of: step, exchange, authenticator)
            // On the event loop, so that nothing overtakes the packets that were held.
            channel.eventLoop.execute { self.stepEnded(number, outcome) }
        }
        let isWanted = self.state.withLock { state in
            guard state.authentication?.number == number else { return false }
            state.authentication?.task = task
            return true
        }
        if !isWanted { task.cancel() }
    }

    private static func outcome(
        of step: AuthenticationStep,
        _ held: HeldExchange?,
        _ authenticator: (any Authenticator)?
    ) async -> StepOutcome {
        do {
            var current = held?.exchange
            if step == .begin { current = try await authenticator?.makeExchange() }
            guard var exchange = current else { preconditionFailure("a step of an exchange that was not begun") }
            switch step {
            case .begin:
                let opening = try await exchange.begin()
                return .answered(opening, HeldExchange(exchange))
            case .answer(let challenge):
                let answer = try await exchange.answer(AuthenticationMessage(challenge))
                return .answered(answer, HeldExchange(exchange))
            case .finish(let last):
                try await exchange.finish(AuthenticationMessage(last))
                return .finished
            }
        } catch {
            return .failed(error)
        }
    }

    /// A step has ended: what it says goes to the engine, and then what was held behind CONNACK.
    private func stepEnded(_ number: StepNumber, _ outcome: StepOutcome) {
        var runs: [MessageRun] = []
        let after = self.state.withLock { state -> Aftermath? in
            // The connection it belonged to is gone.
            guard state.authentication?.number == number else { return nil }
            let now = self.world.now
            switch outcome {
            case .answered(let message, let exchange):
                state.authentication?.exchange = exchange
                state.engine.authenticationAnswered(number, message.properties, now: now, into: &state.effects)
            case .finished:
                state.authentication = nil
                state.engine.authenticationFinished(number, now: now, into: &state.effects)
                state.receiveHeld(now: now, into: &runs)
            case .failed(let error):
                state.authentication = nil
                state.engine.authenticationFailed(number, cause: error, now: now, into: &state.effects)
                state.dropHeld()
            }
            var after = self.settle(&state)
            if !state.engine.isAuthenticating { self.abandonAuthentication(&state, &after) }
            return after
        }
        guard let after else { return }
        self.finishReceiving(runs, after)
        self.flush()
    }
}

// MARK: - What comes behind CONNACK

extension Link.State {
    /// The packets of a buffer while the connection is being authenticated: those behind CONNACK wait until the server's
    /// proof was checked.
    mutating func receivedWhileAuthenticating(_ burst: PacketBurst, now: Instant, into runs: inout [MessageRun]) {
        for index in burst.entries.indices {
            guard !self.engine.holdsPackets else {
                self.heldBursts.append(burst.part(index..<burst.entries.endIndex))
                return
            }
            self.received(burst.part(index..<index + 1), now: now, into: &runs)
        }
    }

    fileprivate mutating func receiveHeld(now: Instant, into runs: inout [MessageRun]) {
        self.holdsPackets = false
        let bursts = self.heldBursts
        self.heldBursts = []
        for burst in bursts { self.received(burst, now: now, into: &runs) }
    }

    fileprivate mutating func dropHeld() {
        self.holdsPackets = false
        self.heldBursts = []
    }
}
