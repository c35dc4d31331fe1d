// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import UnixSignals

/// Decides from what happens when a run is over and what is said on the way.
///
/// The client would try again for ever; what cannot pass by itself ends the run before the first connection. Later the
/// client's own judgement stands: a broker that restarts may answer strangely for a moment.
struct Progress {
    /// A line for standard error.
    struct Notice: Equatable {
        var text: String
        /// Said with `-d` only.
        var isDebug = false
    }

    /// What follows from something that happened.
    struct Step: Equatable {
        var notices: [Notice] = []
        var ending: Ending?
        /// An outage begins, with this number.
        var outage: Int?

        static func debug(_ text: String) -> Step { Step(notices: [Notice(text: text, isDebug: true)]) }
    }

    private var turns: BrokerTurns
    private let longestOutage: Duration?
    private var hasConnected = false
    private var isConnected = false
    private var outage = 0
    private var isToldOfOutage = false
    private var lastFailure: Failure?
    /// What the last failure was made of, and whose it was.
    private var lastError: (error: MQTTError, endpoint: Endpoint)?
    /// Whether a broker of this round of attempts may be had later.
    private var roundMayPass = false

    /// `endpoints` are tried in their order; at least one.
    init(endpoints: [Endpoint], longestOutage: Duration?) {
        self.turns = BrokerTurns(endpoints)
        self.longestOutage = longestOutage
    }

    mutating func handle(_ happening: Happening) -> Step {
        switch happening {
        case .event(let event): return self.handle(event)
        case .finished: return Step(ending: .done)
        case .failed(let failure): return Step(ending: .failed(failure))
        case .refused(let error): return Step(ending: .failed(self.failure(ofJob: error)))
        case .signal(let signal): return Step(ending: .interrupted(signal))
        case .timeout: return Step(ending: .failed(self.timeout))
        case .outageOver(let number):
            guard number == self.outage, !self.isConnected else { return Step() }
            return Step(ending: .failed(self.outageOver))
        }
    }

    private mutating func handle(_ event: MQTTEvent) -> Step {
        switch event {
        case .connected(let info):
            return self.connected(info)
        case .disconnected(let error) where error.code == .clientClosed:
            // Our own doing: the job is done, and about to say so.
            return Step()
        case .disconnected(let error):
            return self.disconnected(error)
        case .reconnecting(let attempt, let wait):
            return self.reconnecting(attempt: attempt, after: wait)
        case .gaveUp(let error):
            return Step(ending: .failed(self.failure(ofJob: error)))
        case .subscriptionRefused(let filter, let reason):
            return .debug("subscription to \(filter.debugDescription) refused: \(reason)")
        case .messagesDropped(let count, let filter):
            let words = "\(count) messages for \(filter.debugDescription) dropped: too many at once"
            return Step(notices: [Notice(text: words)])
        case .redirected(let server):
            return .debug("the broker names another one: \(server)")
        case .adoptedSession(let clientID):
            return .debug("going on with the session of \(clientID.debugDescription)")
        case .unmatchedMessage(let topic):
            return .debug("message to \(topic.debugDescription), which no filter matches")
        }
    }

    private mutating func connected(_ info: ConnectionInfo) -> Step {
        self.turns.connected(to: info.endpoint)
        var words = "connected to \(self.turns.current) as \(info.clientID.debugDescription)"
        if info.sessionPresent { words += ", going on with the session" }
        let notice = Notice(
            text: self.isToldOfOutage && self.hasConnected ? "connected again" : words,
            isDebug: !self.isToldOfOutage
        )
        self.hasConnected = true
        self.isConnected = true
        self.isToldOfOutage = false
        return Step(notices: [notice])
    }

    private mutating func disconnected(_ error: MQTTError) -> Step {
        let endpoint = self.turns.failed()
        let failure = self.failure(error, of: endpoint)
        self.lastFailure = failure
        self.lastError = (error, endpoint)
        let wasConnected = self.isConnected
        self.isConnected = false
        var step = Step()
        self.roundMayPass = self.roundMayPass || failure.status.mayPass
        if self.turns.isWithinRound {
            // One broker's word does not bind the others.
            return .debug("\(failure.message) Trying \(self.turns.current).")
        }
        if !self.hasConnected, !self.roundMayPass { step.ending = .failed(failure) }
        self.roundMayPass = false
        if wasConnected {
            self.outage += 1
            step.outage = self.outage
        }
        return step
    }

    /// With several brokers it says whose it is.
    private func failure(_ error: MQTTError, of endpoint: Endpoint) -> Failure {
        var failure = Failure(error, to: endpoint)
        guard self.turns.areSeveral || endpoint.isService else { return failure }
        let isNamed = error.transportError != nil || ![.connack, .session].contains(failure.stage)
        if !isNamed { failure.message = "\(endpoint): \(failure.message)" }
        return failure
    }

    /// What ended the job; when it is the reason of the last failed attempt, of that one.
    private func failure(ofJob error: MQTTError) -> Failure {
        if self.isConnected { return self.failure(error, of: self.turns.current) }
        if let lastError, lastError.error.code == error.code, lastError.error.message == error.message {
            return self.failure(error, of: lastError.endpoint)
        }
        // Each had its turn before the client gave up, whether it was heard here yet or not.
        return self.failure(error, of: self.turns.last)
    }

    private mutating func reconnecting(attempt: Int, after wait: Duration) -> Step {
        let seconds = Double(wait / .milliseconds(100)).rounded() / 10
        let next = Notice(text: "attempt \(attempt) in \(seconds) s", isDebug: true)
        guard !self.isToldOfOutage, !self.turns.isWithinRound else { return Step(notices: [next]) }
        self.isToldOfOutage = true
        let patience = self.longestOutage.map { "for \($0.components.seconds) s" } ?? "until it works"
        let reason = self.lastFailure?.message ?? ""
        return Step(notices: [Notice(text: "\(reason) Trying again \(patience).".trimmed), next])
    }

    /// Without a connection the reason for that says more than that time ran out.
    private var timeout: Failure {
        guard !self.isConnected, let lastFailure else {
            return Failure(.timedOut, .wait, "Timed out.")
        }
        return lastFailure
    }

    private var outageOver: Failure {
        let seconds = self.longestOutage?.components.seconds ?? 0
        guard var failure = self.lastFailure else {
            return Failure(.unreachable, .connect, "No connection to \(self.turns.current) in \(seconds) s.")
        }
        failure.message += " Gave up after \(seconds) s."
        return failure
    }
}

extension String {
    /// Without a space in front.
    fileprivate var trimmed: String { String(self.drop { $0 == " " }) }
}
