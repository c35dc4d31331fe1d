// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

/// How long to wait between attempts to connect.
///
/// The wait is drawn at random between nothing and a bound ("full jitter"); the bound starts at ``initialDelay`` and
/// grows by ``factor`` up to ``maximumDelay``. It starts again after a connection that lasted ``stablePeriod``. Where a server
/// gives a reason, the reason decides: see ``ReconnectDecision``.
public struct ReconnectPolicy: Hashable, Sendable {
    /// Whether a lost connection is made again at all.
    public var isEnabled: Bool

    /// The bound of the first wait.
    public var initialDelay: Duration

    /// The bound of every later wait.
    public var maximumDelay: Duration

    /// What the bound is multiplied by after each failed attempt; at least 1.
    public var factor: Double

    /// How many attempts in a row may fail before the client gives up; nil is no limit.
    public var maximumAttempts: Int?

    /// How long a connection has to last before the waits start small again.
    public var stablePeriod: Duration

    /// The bound of a wait after a reason that will not pass soon; the wait is at least half of it.
    public var longDelay: Duration

    /// What to do after a refusal of CONNECT, where ``ReconnectDecision/afterRefusal(_:)`` does not suit.
    public var afterRefusal: [ReasonCode: ReconnectDecision] = [:]

    /// What to do after a DISCONNECT of the server, where ``ReconnectDecision/afterDisconnect(_:)`` does not suit.
    public var afterDisconnect: [ReasonCode: ReconnectDecision] = [:]

    /// Whether to go to another server when the server names one; not by default.
    public var serverReferences = ServerReferencePolicy.ignore

    /// Makes a policy: 1 s, doubling, at most 60 s, 5 minutes where it will not pass soon, without a limit of attempts.
    public init(
        isEnabled: Bool = true,
        initialDelay: Duration = .seconds(1),
        maximumDelay: Duration = .seconds(60),
        factor: Double = 2,
        maximumAttempts: Int? = nil,
        stablePeriod: Duration = .seconds(10),
        longDelay: Duration = .seconds(300)
    ) {
        self.isEnabled = isEnabled
        self.initialDelay = initialDelay
        self.maximumDelay = maximumDelay
        self.factor = factor
        self.maximumAttempts = maximumAttempts
        self.stablePeriod = stablePeriod
        self.longDelay = longDelay
    }

    /// Never tries again: the first loss ends every loop and call.
    public static let never = ReconnectPolicy(isEnabled: false)
}
