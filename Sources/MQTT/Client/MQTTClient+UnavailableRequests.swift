// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

// Twins of requests, which only MQTT 5.0 has, so that a mistake reads as a sentence.
extension MQTTClient {
    /// Only MQTT 5.0 has requests: use `MQTT5Client`.
    @available(*, unavailable, message: "only MQTT 5.0 has requests and replies: use MQTT5Client")
    public func request(
        _ payload: some MQTTPayload,
        to topic: String,
        qos: QoS = .atMostOnce,
        timeout: Duration = .seconds(30),
        properties: Properties = Properties(),
        whenDisconnected: RequestSettings.WhenDisconnected? = nil
    ) async throws(MQTTError) -> MQTTMessage {
        throw MQTTError(.versionMismatch, "only MQTT 5.0 has requests and replies")
    }

    /// Only MQTT 5.0 has requests: use `MQTT5Client`.
    @available(*, unavailable, message: "only MQTT 5.0 has requests and replies: use MQTT5Client")
    public func request(
        to topic: String,
        qos: QoS = .atMostOnce,
        timeout: Duration = .seconds(30),
        properties: Properties = Properties(),
        whenDisconnected: RequestSettings.WhenDisconnected? = nil
    ) async throws(MQTTError) -> MQTTMessage {
        throw MQTTError(.versionMismatch, "only MQTT 5.0 has requests and replies")
    }

    /// Only MQTT 5.0 has requests: use `MQTT5Client`.
    @available(*, unavailable, message: "only MQTT 5.0 has requests and replies: use MQTT5Client")
    public func serve(
        _ filter: String,
        qos: QoS = .atMostOnce,
        concurrency: Int = 16,
        settings: ServeSettings = ServeSettings(),
        _ handler: @escaping @Sendable (MQTTRequest) async throws -> MQTTReply
    ) async throws(MQTTError) {
        throw MQTTError(.versionMismatch, "only MQTT 5.0 has requests and replies")
    }
}

extension MQTTClient.Configuration {
    /// Only MQTT 5.0 has response information.
    @available(*, unavailable, message: "only MQTT 5.0 has response information: use MQTT5Client")
    public var requestResponseInformation: Bool {
        get { false }
        set {}
    }

    /// Only MQTT 5.0 has requests.
    @available(*, unavailable, message: "only MQTT 5.0 has requests and replies: use MQTT5Client")
    public var requests: RequestSettings {
        get { RequestSettings() }
        set {}
    }
}
