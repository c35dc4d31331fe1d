// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

/// Something a client asks to do with topics.
public enum BrokerAccess: Hashable, Sendable {
    /// To publish to a topic.
    case publish(clientID: String, username: String?, topic: String, qos: QoS, retain: Bool)
    /// To subscribe to a filter.
    case subscribe(clientID: String, username: String?, filter: String, qos: QoS)
}
