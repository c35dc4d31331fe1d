// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// How the requests of a client wait for their replies.
public struct RequestSettings: Hashable, Sendable {
    /// What a request does without a connection, and when the connection ends while it waits.
    public enum WhenDisconnected: Hashable, Sendable {
        /// Throw ``MQTTError/Code/notConnected``, or ``MQTTError/Code/connectionLost``.
        case fail
        /// Go on waiting within the timeout, also for the next connection.
        ///
        /// A request that was sent is not sent again at QoS 0; at QoS 1 and 2 it is, as every message. Its reply may come on
        /// the next connection.
        case wait
    }

    /// At most so many requests are under way; further ones wait for their turn, within their timeouts.
    public var pendingLimit: Int

    /// How long a subscription to replies stays after the last request that used it ended.
    ///
    /// Requests that follow one another find it. Zero unsubscribes at once.
    public var idleLimit: Duration

    /// What a request does without a connection, unless the call says otherwise.
    public var whenDisconnected: WhenDisconnected

    /// Makes settings: 1,000 requests, a second, no waiting for a connection.
    public init(
        pendingLimit: Int = 1_000,
        idleLimit: Duration = .seconds(1),
        whenDisconnected: WhenDisconnected = .fail
    ) {
        self.pendingLimit = pendingLimit
        self.idleLimit = idleLimit
        self.whenDisconnected = whenDisconnected
    }
}
