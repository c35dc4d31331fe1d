// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

/// A question that waits for the user's code.
struct QuestionID: Hashable, Sendable {
    let rawValue: UInt64
}

/// What the user's asynchronous closures are asked.
enum BrokerQuestion: Hashable, Sendable {
    /// Whether a client may connect.
    case authenticate(ConnectionID, Connect)
    /// Whether a client may publish to a topic, or subscribe to a filter.
    case authorize(ConnectionID, BrokerAccess)
    /// The next step of an enhanced authentication: the data of CONNECT or of an AUTH packet (MQTT 5.0, 4.12).
    case exchange(ConnectionID, method: String, data: ByteBuffer?, isReauthentication: Bool)
}

/// What they answer.
enum BrokerAnswer: Hashable, Sendable {
    /// The client may, or may not with this reason.
    case decided(ReasonCode)
    /// Data for the client, whose turn it is.
    case proceed(ByteBuffer?)
    /// The exchange is done and the client is who it says; with data for CONNACK.
    case done(ByteBuffer?)
}
