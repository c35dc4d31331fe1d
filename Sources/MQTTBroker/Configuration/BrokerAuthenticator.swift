// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire
public import NIOCore

/// The broker's side of enhanced authentication (MQTT 5.0, 4.12).
public protocol BrokerAuthenticator: Sendable {
    /// Begins an exchange with a client.
    ///
    /// - Parameters:
    ///   - method: The authentication method of CONNECT or AUTH.
    ///   - isReauthentication: Whether the client is connected already.
    /// - Returns: The exchange; nil if the method is not known.
    func begin(method: String, isReauthentication: Bool) -> (any BrokerAuthenticationExchange)?
}

/// One exchange of an enhanced authentication.
public protocol BrokerAuthenticationExchange: Sendable {
    /// What the broker says to the data of a CONNECT or an AUTH.
    mutating func received(_ data: ByteBuffer?) async -> BrokerAuthenticationStep
}

/// What the broker says in an enhanced authentication.
public enum BrokerAuthenticationStep: Hashable, Sendable {
    /// The client is to go on, with this data.
    case proceed(ByteBuffer?)
    /// The client is who it says; with data for its CONNACK or AUTH.
    case succeed(ByteBuffer?)
    /// The client is not let in.
    case refuse(ReasonCode)
}
