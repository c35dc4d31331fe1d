// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

/// What the server said about a message it took.
public struct PublishOutcome: Hashable, Sendable {
    /// Success, or ``ReasonCode/noMatchingSubscribers``.
    ///
    /// Always success at QoS 0 and before 5.0.
    public var reason: ReasonCode

    /// The properties of the acknowledgement.
    public var properties: Properties

    /// Whether the server said that nobody subscribes to the topic.
    ///
    /// Servers need not say so.
    public var hasNoSubscribers: Bool { self.reason == .noMatchingSubscribers }

    /// Whether the message was left in the queue, as its call asked for, and was not sent yet.
    public var isQueued = false

    /// The message was left in the queue.
    static var queued: PublishOutcome {
        var outcome = PublishOutcome()
        outcome.isQueued = true
        return outcome
    }

    init(reason: ReasonCode = .success, properties: Properties = Properties()) {
        self.reason = reason
        self.properties = properties
    }
}
