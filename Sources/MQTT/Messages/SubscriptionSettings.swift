// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

/// How a subscription holds and acknowledges its messages.
public struct SubscriptionSettings: Hashable, Sendable {
    /// How many messages the buffer takes before ``bufferPolicy`` says what to do; at least 1.
    public var bufferSize: Int

    /// What happens when the buffer is full.
    public var bufferPolicy: BufferPolicy

    /// When QoS 1 and 2 messages are acknowledged.
    public var acknowledgement: AcknowledgementPolicy

    /// Makes settings: 1,000 messages, the server has to wait, acknowledged on hand-over.
    public init(
        bufferSize: Int = 1_000,
        bufferPolicy: BufferPolicy = .suspend,
        acknowledgement: AcknowledgementPolicy = .onHandOver
    ) {
        self.bufferSize = max(1, bufferSize)
        self.bufferPolicy = bufferPolicy
        self.acknowledgement = acknowledgement
    }
}

/// The options a 5.0 subscription adds (MQTT 5.0, 3.8).
public struct SubscribeOptions: Hashable, Sendable {
    /// Whether messages this client published itself are left out.
    public var noLocal: Bool

    /// Whether messages keep the retain flag they were published with.
    public var retainAsPublished: Bool

    /// When the server sends the retained messages.
    public var retainHandling: RetainHandling

    /// A number the server puts on every message of this subscription, 1 to 268,435,455.
    public var subscriptionIdentifier: UInt32?

    /// User properties to send with SUBSCRIBE, in this order; nothing else may be here.
    public var properties: Properties

    /// Makes options; the defaults are those of MQTT 3.1.1.
    public init(
        noLocal: Bool = false,
        retainAsPublished: Bool = false,
        retainHandling: RetainHandling = .sendAlways,
        subscriptionIdentifier: UInt32? = nil,
        properties: Properties = Properties()
    ) {
        self.noLocal = noLocal
        self.retainAsPublished = retainAsPublished
        self.retainHandling = retainHandling
        self.subscriptionIdentifier = subscriptionIdentifier
        self.properties = properties
    }
}
