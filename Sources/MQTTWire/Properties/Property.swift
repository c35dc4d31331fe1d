// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// One MQTT 5.0 property with its value (MQTT 5.0, 2.2.2.2).
///
/// Which packet may carry which property, and how often, is checked when a packet is encoded or decoded.
public enum Property: Hashable, Sendable {
    /// Whether the payload is bytes or UTF-8 text. PUBLISH, will.
    case payloadFormatIndicator(PayloadFormat)
    /// Seconds after which the server drops the message. PUBLISH, will.
    case messageExpiryInterval(UInt32)
    /// The kind of payload, often a MIME type. PUBLISH, will.
    case contentType(String)
    /// The topic a response goes to. PUBLISH, will.
    case responseTopic(String)
    /// Bytes the requester knows its request by. PUBLISH, will.
    case correlationData(ByteBuffer)
    /// The subscription a message belongs to, 1 to 268,435,455. SUBSCRIBE once; PUBLISH from the server, repeated.
    case subscriptionIdentifier(UInt32)
    /// Seconds a session outlives its connection; `UInt32.max` is for ever. CONNECT, CONNACK, DISCONNECT.
    case sessionExpiryInterval(UInt32)
    /// The client identifier the server chose. CONNACK.
    case assignedClientIdentifier(String)
    /// The keep-alive in seconds the client must use. CONNACK.
    case serverKeepAlive(UInt16)
    /// The name of the enhanced authentication method. CONNECT, CONNACK, AUTH.
    case authenticationMethod(String)
    /// Bytes of the enhanced authentication method. CONNECT, CONNACK, AUTH.
    case authenticationData(ByteBuffer)
    /// Whether the server may send reason strings and user properties on errors. CONNECT.
    case requestProblemInformation(Bool)
    /// Seconds the server waits before it publishes the will. Will.
    case willDelayInterval(UInt32)
    /// Whether the server should send response information. CONNECT.
    case requestResponseInformation(Bool)
    /// What to build response topics from. CONNACK.
    case responseInformation(String)
    /// Another server to use. CONNACK, DISCONNECT.
    case serverReference(String)
    /// A reason for people to read. CONNACK, acknowledgements, DISCONNECT, AUTH.
    case reasonString(String)
    /// How many QoS 1 and 2 messages may be in flight, 1 to 65,535. CONNECT, CONNACK.
    case receiveMaximum(UInt16)
    /// The highest topic alias accepted. CONNECT, CONNACK.
    case topicAliasMaximum(UInt16)
    /// A number instead of the topic, 1 to 65,535. PUBLISH.
    case topicAlias(UInt16)
    /// The highest QoS the server takes: 0 or 1. CONNACK.
    case maximumQoS(QoS)
    /// Whether the server keeps retained messages. CONNACK.
    case retainAvailable(Bool)
    /// A name and a value of the application's own; may be repeated. Every packet with properties.
    case userProperty(name: String, value: String)
    /// The largest packet accepted, in bytes. CONNECT, CONNACK.
    case maximumPacketSize(UInt32)
    /// Whether the server takes wildcard filters. CONNACK.
    case wildcardSubscriptionAvailable(Bool)
    /// Whether the server takes subscription identifiers. CONNACK.
    case subscriptionIdentifierAvailable(Bool)
    /// Whether the server takes shared subscriptions. CONNACK.
    case sharedSubscriptionAvailable(Bool)
}

/// What a payload is made of (MQTT 5.0, 3.3.2.3.2).
public enum PayloadFormat: UInt8, Hashable, Sendable {
    /// Unspecified bytes.
    case bytes = 0
    /// UTF-8 text.
    case utf8 = 1
}
