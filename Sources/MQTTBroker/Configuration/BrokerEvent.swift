// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

/// What happens in the broker, for logs and for tests that wait for it.
public enum BrokerEvent: Hashable, Sendable {
    /// A client was accepted.
    case connected(clientID: String, version: ProtocolVersion, sessionPresent: Bool)
    /// A client was refused, or what came was no CONNECT.
    case refused(clientID: String, reason: ReasonCode)
    /// A connection that had been accepted is over; with the words why.
    case disconnected(clientID: String, reason: ReasonCode, words: String)
    /// A client asked for a subscription; with what SUBACK says of it.
    case subscribed(clientID: String, filter: String, reason: ReasonCode)
    /// A client gave up a subscription; with what UNSUBACK says of it.
    case unsubscribed(clientID: String, filter: String, reason: ReasonCode)
    /// A client's message, or a will, was taken.
    case published(clientID: String, topic: String, qos: QoS, retain: Bool, payloadSize: Int)
    /// A message for a client was dropped, since its queue was full or the message had expired.
    case dropped(clientID: String, topic: String)
    /// A session's time was over.
    case sessionEnded(clientID: String)
}
