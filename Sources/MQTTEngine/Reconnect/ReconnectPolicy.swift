// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// How long to wait between attempts to connect.
///
/// The wait is drawn at random between nothing and a bound ("full jitter"); the bound starts at ``initialDelay`` and
/// grows by ``factor`` up to ``maximumDelay``. It starts again after a connection that lasted ``stablePeriod``.
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

    /// Makes a policy: 1 s, doubling, at most 60 s, without a limit of attempts.
    public init(
        isEnabled: Bool = true,
        initialDelay: Duration = .seconds(1),
        maximumDelay: Duration = .seconds(60),
        factor: Double = 2,
        maximumAttempts: Int? = nil,
        stablePeriod: Duration = .seconds(10)
    ) {
        self.isEnabled = isEnabled
        self.initialDelay = initialDelay
        self.maximumDelay = maximumDelay
        self.factor = factor
        self.maximumAttempts = maximumAttempts
        self.stablePeriod = stablePeriod
    }

    /// Never tries again: the first loss ends every loop and call.
    public static let never = ReconnectPolicy(isEnabled: false)
}
