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
