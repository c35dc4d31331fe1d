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

    private let endpoint: Endpoint
    private let longestOutage: Duration?
    private var hasConnected = false
    private var isConnected = false
    private var outage = 0
    private var isToldOfOutage = false
    private var lastFailure: Failure?

    init(endpoint: Endpoint, longestOutage: Duration?) {
        self.endpoint = endpoint
        self.longestOutage = longestOutage
    }

    mutating func handle(_ happening: Happening) -> Step {
        switch happening {
        case .event(let event): return self.handle(event)
        case .finished: return Step(ending: .done)
        case .failed(let failure): return Step(ending: .failed(failure))
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
            return self.disconnected(Failure(error, to: self.endpoint))
        case .reconnecting(let attempt, let wait):
            return self.reconnecting(attempt: attempt, after: wait)
        case .gaveUp(let error):
            return Step(ending: .failed(Failure(error, to: self.endpoint)))
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
        var words = "connected to \(self.endpoint) as \(info.clientID.debugDescription)"
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

    private mutating func disconnected(_ failure: Failure) -> Step {
        self.lastFailure = failure
        let wasConnected = self.isConnected
        self.isConnected = false
        var step = Step()
        if !self.hasConnected, !failure.status.mayPass { step.ending = .failed(failure) }
        if wasConnected {
            self.outage += 1
            step.outage = self.outage
        }
        return step
    }

    private mutating func reconnecting(attempt: Int, after wait: Duration) -> Step {
        let seconds = Double(wait / .milliseconds(100)).rounded() / 10
        let next = Notice(text: "attempt \(attempt) in \(seconds) s", isDebug: true)
        guard !self.isToldOfOutage else { return Step(notices: [next]) }
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
            return Failure(.unreachable, .connect, "No connection to \(self.endpoint) in \(seconds) s.")
        }
        failure.message += " Gave up after \(seconds) s."
        return failure
    }
}

extension String {
    /// Without a space in front.
    fileprivate var trimmed: String { String(self.drop { $0 == " " }) }
}
