// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

/// What the broker allows, tells its clients of and enforces: so can it play a given cloud.
public struct BrokerProfile: Hashable, Sendable {
    /// The highest QoS a client may publish with, and is granted.
    public var maximumQoS: QoS = .exactlyOnce
    /// How many messages of QoS 1 and 2 a client may have under way to the broker.
    public var receiveMaximum: UInt16 = 65_535
    /// How many the broker has under way to a client that sets no bound of its own (before 5.0, none can).
    public var inFlightMaximum: UInt16 = 65_535
    /// The largest packet a client may send, in bytes.
    public var maximumPacketSize: UInt32 = 268_435_460
    /// The highest topic alias a client may use.
    public var topicAliasMaximum: UInt16 = 65_535
    /// How many bytes the topics behind a connection's aliases may have together; beyond it the broker disconnects the client.
    public var topicAliasBytes: Int = 4 << 20
    /// How many topic aliases the broker uses with a client that allows it.
    public var outboundTopicAliases: UInt16 = 16
    /// The longest keep-alive in seconds, nil for any.
    ///
    /// Who asks for more, or for none, is given this one; before 5.0 nobody is told, and the silent are closed in its time.
    public var keepAliveCap: UInt16?
    /// How long a session may outlive its connection, in seconds; 4,294,967,295 is without end.
    public var sessionExpiryCap: UInt32 = .max
    /// How many filters a SUBSCRIBE may have.
    public var filtersPerSubscribe: Int = .max
    /// How many subscriptions a session may have.
    public var subscriptionsPerSession: Int = .max
    /// How many messages a second a client may publish; beyond it the broker disconnects it with ``ReasonCode/messageRateTooHigh``.
    public var publishesPerSecond: Int?
    /// How many messages wait for a client; beyond it the newest is dropped.
    public var queuedMessages: Int = 10_000
    /// How many bytes of messages wait for a client.
    public var queuedBytes: Int = 16 << 20
    /// How many retained messages there may be.
    public var retainedMessages: Int = 100_000
    /// How many bytes retained messages may take: payloads, topics, and 128 for each of their levels.
    public var retainedBytes: Int = 256 << 20
    /// How many sessions there may be.
    public var sessions: Int = 100_000
    /// Whether a payload that says it is UTF-8 text is refused when it is not.
    public var checksPayloadFormat = false
    /// Whether messages are retained.
    public var retainAvailable = true
    /// Whether filters may have wildcards.
    public var wildcardSubscriptionAvailable = true
    /// Whether subscriptions may have identifiers.
    public var subscriptionIdentifierAvailable = true
    /// Whether subscriptions may be shared.
    public var sharedSubscriptionAvailable = true
    /// Whether a client may leave its identifier to the broker.
    public var assignsClientIdentifiers = true
    /// How long a connection may take to send CONNECT, in seconds.
    public var connectTimeout: UInt16 = 10

    /// No limits but those of the protocol and of memory.
    public init() {}
}
