// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

// Twins of what only MQTT 5.0 has, so that a mistake reads as a sentence instead of as a failed overload.
extension MQTTClient {
    /// Only MQTT 5.0 has properties: use `MQTT5Client`.
    @available(*, unavailable, message: "only MQTT 5.0 has properties: use MQTT5Client, or leave `properties` out")
    @discardableResult
    public func publish(
        _ payload: some MQTTPayload,
        to topic: String,
        qos: QoS = .atMostOnce,
        retain: Bool = false,
        properties: Properties
    ) async throws(MQTTError) -> PublishOutcome {
        throw MQTTError(.versionMismatch, "only MQTT 5.0 has properties")
    }

    /// Only MQTT 5.0 has properties: use `MQTT5Client`.
    @available(*, unavailable, message: "only MQTT 5.0 has properties: use MQTT5Client, or leave `properties` out")
    @discardableResult
    public func enqueue(
        _ payload: some MQTTPayload,
        to topic: String,
        qos: QoS = .atLeastOnce,
        retain: Bool = false,
        properties: Properties
    ) throws(MQTTError) -> PublishReceipt {
        throw MQTTError(.versionMismatch, "only MQTT 5.0 has properties")
    }

    /// Only MQTT 5.0 has these options: use `MQTT5Client`.
    @available(*, unavailable, message: "only MQTT 5.0 has subscribe options: use MQTT5Client, or leave `options` out")
    public func subscribe<Result>(
        to filters: String...,
        qos: QoS = .atMostOnce,
        options: SubscribeOptions,
        settings: SubscriptionSettings = SubscriptionSettings(),
        _ body: (MQTTSubscription) async throws -> Result
    ) async throws -> Result {
        throw MQTTError(.versionMismatch, "only MQTT 5.0 has subscribe options")
    }

    /// Only MQTT 5.0 has these options: use `MQTT5Client`.
    @available(*, unavailable, message: "only MQTT 5.0 has subscribe options: use MQTT5Client, or leave `options` out")
    public func subscribe(
        to filters: String...,
        qos: QoS = .atMostOnce,
        options: SubscribeOptions,
        settings: SubscriptionSettings = SubscriptionSettings()
    ) async throws(MQTTError) -> MQTTSubscription {
        throw MQTTError(.versionMismatch, "only MQTT 5.0 has subscribe options")
    }

    /// Only MQTT 5.0 sends a reason with DISCONNECT: use `MQTT5Client`.
    @available(
        *,
        unavailable,
        message: "only MQTT 5.0 sends a reason with DISCONNECT: use MQTT5Client, or disconnect()"
    )
    public func disconnect(reason: ReasonCode, properties: Properties = Properties()) async throws(MQTTError) {
        throw MQTTError(.versionMismatch, "only MQTT 5.0 sends a reason with DISCONNECT")
    }
}

extension MQTTClient.Configuration {
    /// Only MQTT 5.0 has a session expiry.
    @available(*, unavailable, message: "only MQTT 5.0 has a session expiry: set cleanSession to false instead")
    public var sessionExpiry: Duration? {
        get { nil }
        set {}
    }

    /// Only MQTT 5.0 has will properties.
    @available(*, unavailable, message: "only MQTT 5.0 has will properties: use MQTT5Client")
    public var willProperties: Properties {
        get { Properties() }
        set {}
    }

    /// Only MQTT 5.0 has CONNECT properties.
    @available(*, unavailable, message: "only MQTT 5.0 has CONNECT properties: use MQTT5Client")
    public var connectProperties: Properties {
        get { Properties() }
        set {}
    }

    /// Only MQTT 5.0 announces a receive maximum.
    @available(*, unavailable, message: "only MQTT 5.0 announces a receive maximum: use MQTT5Client")
    public var receiveMaximum: UInt16 {
        get { 0 }
        set {}
    }

    /// Only MQTT 5.0 has topic aliases.
    @available(*, unavailable, message: "only MQTT 5.0 has topic aliases: use MQTT5Client")
    public var topicAliasMaximum: UInt16 {
        get { 0 }
        set {}
    }

    /// Only MQTT 5.0 has topic aliases.
    @available(*, unavailable, message: "only MQTT 5.0 has topic aliases: use MQTT5Client")
    public var outboundTopicAliases: TopicAliasPolicy {
        get { .manual }
        set {}
    }

    /// Only MQTT 5.0 has a clean start.
    @available(*, unavailable, message: "only MQTT 5.0 has a clean start: set cleanSession instead")
    public var cleanStart: CleanStart {
        get { .always }
        set {}
    }

    /// Only MQTT 3.1.1 and 3.1 have a clean session.
    @available(*, unavailable, message: "MQTT 5.0 has no clean session: set cleanStart and sessionExpiry instead")
    public var cleanSession: Bool {
        get { true }
        set {}
    }
}
