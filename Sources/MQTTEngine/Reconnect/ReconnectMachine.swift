// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

/// Decides after each ended connection whether, when and where to try again.
package struct ReconnectMachine: Sendable {
    package enum Decision: Equatable {
        /// Try the next endpoint at once; the number of the attempt since the last stable connection.
        case next(attempt: Int)
        /// Try again after this wait; the number of the attempt since the last stable connection.
        case retry(attempt: Int, after: Duration)
        /// Try this server at once.
        case follow(ServerReference, isForGood: Bool)
        case stop
    }

    private let policy: ReconnectPolicy
    private let credentialsMayChange: Bool
    private var endpoints: EndpointRotation
    /// Attempts since the last stable connection; with several endpoints there may be more of them than failures.
    private var attempts = 0
    /// Rounds in which no endpoint could be connected to, since the last stable connection.
    private var failures = 0
    private var refusals = 0
    /// Whether an endpoint of this round is worth another attempt.
    private var roundMayPass = false
    /// Servers followed to since the last stable connection.
    private var followed: [ServerReference] = []
    private var random: SplitMix64

    /// How often refused credentials are asked for anew before the client gives up.
    private static let refusalLimit = 5

    package init(
        policy: ReconnectPolicy,
        credentialsMayChange: Bool,
        endpointCount: Int = 1,
        endpointOrder: EndpointOrder = .inOrder,
        seed: UInt64
    ) {
        self.policy = policy
        self.credentialsMayChange = credentialsMayChange
        self.endpoints = EndpointRotation(count: endpointCount, order: endpointOrder)
        self.random = SplitMix64(state: seed)
        self.endpoints.begin(&self.random)
    }

    /// The number of the endpoint to try, or that is connected to.
    package var endpoint: Int { self.endpoints.current }

    /// Whether there are several endpoints.
    var hasOtherEndpoints: Bool { !self.endpoints.isSingle }

    /// The user asks for a connection: everything starts from nothing.
    package mutating func reset() {
        self.endpoints.begin(&self.random)
        self.roundMayPass = false
        self.attempts = 0
        self.failures = 0
        self.refusals = 0
        self.followed = []
    }

    /// A connection or an attempt ended, after having lasted as long as said (nil: it never stood).
    package mutating func connectionEnded(because failure: EngineFailure, lasted: Duration?) -> Decision {
        if let lasted {
            self.refusals = 0
            if lasted >= self.policy.stablePeriod {
                self.attempts = 0
                self.failures = 0
                self.followed = []
            }
        }
        var decision = self.decision(for: failure)
        if decision == .followServerReference {
            if let server = self.follow(failure) { return server }
            decision = .stop
        }
        let mayGoElsewhere = lasted == nil && Self.mayGoElsewhere(after: failure)
        if mayGoElsewhere, self.endpoints.advance() {
            self.roundMayPass = self.roundMayPass || decision != .stop
            self.attempts += 1
            return .next(attempt: self.attempts)
        }
        // One endpoint's word does not bind the others.
        let mayPass = mayGoElsewhere && self.roundMayPass
        self.roundMayPass = false
        let outcome = self.outcome(mayPass && decision == .stop ? .backOff : decision)
        if case .retry = outcome { self.endpoints.beginElsewhere(&self.random) }
        return outcome
    }

    /// Whether another endpoint might take what this one did not.
    private static func mayGoElsewhere(after failure: EngineFailure) -> Bool {
        switch failure.kind {
        case .authenticationFailed, .closed, .unexpectedSession: false
        default: true
        }
    }

    private mutating func outcome(_ decision: ReconnectDecision) -> Decision {
        guard self.policy.isEnabled else { return .stop }
        switch decision {
        case .stop, .followServerReference:
            return .stop
        case .refreshCredentials:
            self.refusals += 1
            guard self.credentialsMayChange, self.refusals <= Self.refusalLimit else { return .stop }
        case .retryNow, .backOff, .backOffLong:
            break
        }
        if let maximum = self.policy.maximumAttempts, self.failures >= maximum { return .stop }
        self.failures += 1
        self.attempts += 1
        return .retry(attempt: self.attempts, after: self.wait(decision))
    }

    /// What the cause calls for.
    private func decision(for failure: EngineFailure) -> ReconnectDecision {
        switch failure.kind {
        case .authenticationFailed, .closed, .unexpectedSession:
            return .stop
        case .connectRefused:
            guard let reason = failure.reason else { return .backOff }
            return self.policy.afterRefusal[reason] ?? .afterRefusal(reason)
        case .disconnectedByServer:
            guard let reason = failure.reason else { return .backOff }
            return self.policy.afterDisconnect[reason] ?? .afterDisconnect(reason)
        default:
            return .backOff
        }
    }

    /// Goes to the first server of the packet that the policy names and that was not tried in this row.
    private mutating func follow(_ failure: EngineFailure) -> Decision? {
        let references = self.policy.serverReferences
        guard self.policy.isEnabled, self.followed.count < references.limit,
            let text = failure.properties.serverReference
        else { return nil }
        let next = ServerReference.parse(text).first { server in
            references.allows(server.host) && !self.followed.contains(server)
        }
        guard let next else { return nil }
        self.followed.append(next)
        return .follow(next, isForGood: failure.reason == .serverMoved)
    }

    private mutating func wait(_ decision: ReconnectDecision) -> Duration {
        switch decision {
        case .retryNow where self.failures == 1:
            return .zero
        case .backOffLong:
            let half = Double(max(self.policy.longDelay.clampedNanoseconds, 0)) / 2
            return Self.duration(half + half * self.fraction())
        default:
            return self.backOff()
        }
    }

    /// Between nothing and the bound of this attempt.
    private mutating func backOff() -> Duration {
        let limit = Double(max(self.policy.maximumDelay.clampedNanoseconds, 0))
        var bound = min(Double(max(self.policy.initialDelay.clampedNanoseconds, 0)), limit)
        let factor = self.policy.factor.isFinite ? max(self.policy.factor, 1) : 1
        for _ in 1..<min(max(self.failures, 1), 64) where bound < limit { bound = min(bound * factor, limit) }
        return Self.duration(bound * self.fraction())
    }

    /// A number from 0 up to 1.
    private mutating func fraction() -> Double { Double(self.random.next() >> 11) / Double(1 << 53 as UInt64) }

    /// 2^62 nanoseconds are 146 years: Double to Int64 cannot trap.
    private static func duration(_ nanoseconds: Double) -> Duration { .nanoseconds(Int64(min(nanoseconds, 4.6e18))) }
}

/// A small generator whose numbers follow from its seed alone.
struct SplitMix64: Sendable {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
