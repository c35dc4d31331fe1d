// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

/// Decides after each ended connection whether, and when, to try again.
package struct ReconnectMachine: Sendable {
    package enum Decision: Equatable {
        /// Try again after this wait; the number of the attempt since the last stable connection.
        case retry(attempt: Int, after: Duration)
        case stop
    }

    private let policy: ReconnectPolicy
    private let credentialsMayChange: Bool
    private var failures = 0
    private var refusals = 0
    private var random: SplitMix64

    /// How often refused credentials are asked for anew before the client gives up.
    private static let refusalLimit = 5

    package init(policy: ReconnectPolicy, credentialsMayChange: Bool, seed: UInt64) {
        self.policy = policy
        self.credentialsMayChange = credentialsMayChange
        self.random = SplitMix64(state: seed)
    }

    /// The user asks for a connection: everything starts from nothing.
    package mutating func reset() {
        self.failures = 0
        self.refusals = 0
    }

    /// A connection or an attempt ended, after having lasted as long as said (nil: it never stood).
    package mutating func connectionEnded(because failure: EngineFailure, lasted: Duration?) -> Decision {
        if let lasted {
            self.refusals = 0
            if lasted >= self.policy.stablePeriod { self.failures = 0 }
        }
        guard self.policy.isEnabled, self.mayPass(failure) else { return .stop }
        if let maximum = self.policy.maximumAttempts, self.failures >= maximum { return .stop }
        self.failures += 1
        return .retry(attempt: self.failures, after: self.wait())
    }

    /// Whether the cause may go away by itself.
    private mutating func mayPass(_ failure: EngineFailure) -> Bool {
        guard let reason = failure.reason else {
            return failure.kind != .closed && failure.kind != .authenticationFailed
        }
        switch reason {
        case .badUserNameOrPassword, .notAuthorized:
            self.refusals += 1
            return self.credentialsMayChange && self.refusals <= Self.refusalLimit
        case .unsupportedProtocolVersion, .clientIdentifierNotValid, .banned, .badAuthenticationMethod,
            .sessionTakenOver, .useAnotherServer, .serverMoved:
            return false
        default:
            return true
        }
    }

    /// Between nothing and the bound of this attempt.
    private mutating func wait() -> Duration {
        let limit = Double(max(self.policy.maximumDelay.clampedNanoseconds, 0))
        var bound = min(Double(max(self.policy.initialDelay.clampedNanoseconds, 0)), limit)
        let factor = self.policy.factor.isFinite ? max(self.policy.factor, 1) : 1
        for _ in 1..<min(max(self.failures, 1), 64) where bound < limit { bound = min(bound * factor, limit) }
        let fraction = Double(self.random.next() >> 11) / Double(1 << 53 as UInt64)
        // 2^62 nanoseconds are 146 years: Double to Int64 cannot trap.
        return .nanoseconds(Int64(min(bound * fraction, 4.6e18)))
    }
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
