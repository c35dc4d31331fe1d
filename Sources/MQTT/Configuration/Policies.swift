// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine

/// What calls do while there is no connection.
public struct OfflinePolicy: Hashable, Sendable {
    /// What one call does while there is no connection.
    public enum Choice: Hashable, Sendable {
        /// Throw ``MQTTError/Code/notConnected`` at once.
        case fail
        /// Wait for the connection, in order with all that waits and within the bounds of the queue.
        case wait
        /// Wait, but no longer than this: then throw ``MQTTError/Code/timedOut``, and nothing is sent.
        ///
        /// It bounds the time until the message is sent, not the time until the server acknowledges it.
        case waitAtMost(Duration)
        /// Leave it in the queue, within its bounds, and return at once; see ``PublishOutcome/isQueued``.
        ///
        /// For a subscription the same as ``wait``.
        case queue
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

extension OfflinePolicy.Choice {
    /// The engine's word for it.
    var engineChoice: EngineConfiguration.OfflineChoice {
        switch self {
        case .fail: .fail
        case .wait: .wait(atMost: nil)
        case .waitAtMost(let duration): .wait(atMost: max(duration, .zero))
        case .queue: .queue
        }
    }
}

/// What a 5.0 client does when the server has a session of its client identifier that it knows nothing of, because an
/// earlier process made it and no session store kept the client's part (MQTT-3.2.2-4).
public enum UnexpectedSession: Hashable, Sendable {
    /// Close the connection, as the standard asks, and give up with ``MQTTError/Code/unexpectedSession``.
    case refuse
    /// Close the connection, connect again at once and begin a new session.
    case startClean
    /// Go on with it: the server's subscriptions stand and its backlog comes.
    ///
    /// What the earlier process had not got acknowledged is lost, and a QoS 2 message it had received may come twice.
    case adopt
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
    ///
    /// Pings, answers to this client's own calls and acknowledgements of its messages go on. On 5.0 the server stops at
    /// ``MQTTClient/Configuration/receiveMaximum``. Before 5.0 a client cannot name a limit: how many messages come
    /// unacknowledged is the server's own setting (20 with Mosquitto), and what it holds back then is its affair, its
    /// queue's limit included.
    case suspend
    /// Drop the oldest message in the buffer. It counts as acknowledged.
    case dropOldest
    /// Drop the message that just came. It counts as acknowledged.
    case dropNewest
    /// End the subscription with ``MQTTError/Code/bufferOverflow``.
    case fail
}

/// When a QoS 1 or 2 message is acknowledged to the server.
///
/// Whatever is chosen, acknowledgements leave in the order the messages arrived in (MQTT 5.0, 4.6).
public enum AcknowledgementPolicy: Hashable, Sendable {
    /// When `next()` or a batch returned it: what was not taken is sent again after a crash.
    case onHandOver
    /// When it is in the buffer: fastest, and lost with the process. Beyond the client's memory budget such messages are
    /// dropped like QoS 0 ones.
    case onArrival
    /// By ``MQTTMessage/acknowledge()`` or ``MQTTMessage/reject(_:)``. Acknowledgements leave in the order of arrival, so one that never comes holds back
    /// all later ones.
    case manual
}
