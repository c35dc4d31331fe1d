// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// What a call does while there is no connection.
public struct OfflinePolicy: Hashable, Sendable {
    /// Wait for the connection, or fail at once.
    public enum Choice: Hashable, Sendable {
        /// Throw ``MQTTError/Code/notConnected``.
        case fail
        /// Keep it, in order and within the bounds of the queue, until there is a connection.
        case wait
    }

    /// QoS 0 messages: fail by default.
    public var publishAtMostOnce: Choice

    /// QoS 1 and 2 messages: wait by default.
    public var publishAcknowledged: Choice

    /// New subscriptions: wait by default.
    public var subscribe: Choice

    /// Makes a policy.
    public init(publishAtMostOnce: Choice = .fail, publishAcknowledged: Choice = .wait, subscribe: Choice = .wait) {
        self.publishAtMostOnce = publishAtMostOnce
        self.publishAcknowledged = publishAcknowledged
        self.subscribe = subscribe
    }
}

/// When a 5.0 connection asks the server to forget the session (MQTT 5.0, 3.1.2.4).
public enum CleanStart: Hashable, Sendable {
    /// At every connection: each starts from nothing.
    case always
    /// At the first connection of this client object; later ones go on with its session.
    case firstOnly
    /// Never: a session the server still has goes on, also one of an earlier process.
    case never
}

/// What happens when messages come faster than they are taken from a subscription.
public enum BufferPolicy: Hashable, Sendable {
    /// Keep all and slow the server down: QoS 1 and 2 by leaving them unacknowledged, QoS 0 by pausing reading while no
    /// answer is due, and beyond the client's memory budget by dropping the newest QoS 0 messages.
    case suspend
    /// Drop the oldest message in the buffer. It counts as acknowledged.
    case dropOldest
    /// Drop the message that just came. It counts as acknowledged.
    case dropNewest
    /// End the subscription with ``MQTTError/Code/bufferOverflow``.
    case fail
}

/// When a QoS 1 or 2 message is acknowledged to the server.
public enum AcknowledgementPolicy: Hashable, Sendable {
    /// When `next()` or a batch returned it: what was not taken is sent again after a crash.
    case onHandOver
    /// When it is in the buffer: fastest, and lost with the process. Beyond the client's memory budget such messages are
    /// dropped like QoS 0 ones.
    case onArrival
    /// By ``MQTTMessage/acknowledge()``. Acknowledgements leave in the order of arrival, so one that never comes holds back
    /// all later ones.
    case manual
}
