// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
public import NIOCore

/// A method of enhanced authentication, such as SCRAM or Kerberos (MQTT 5.0, 4.12).
///
/// Set it as the configuration's `authenticator`. It makes an exchange for each attempt to connect and for each call of
/// ``MQTTClient/reauthenticate()``, and never runs on the client's event loop or under its lock.
public protocol Authenticator: Sendable {
    /// The name of the method, which goes into CONNECT and every AUTH; asked for when the client is made.
    var method: String { get }

    /// Whether a new exchange may succeed where the server refused the last one, as with tokens that are fetched anew.
    ///
    /// Decides whether "not authorized" is tried again, a few times. false unless you say otherwise.
    var credentialsMayChange: Bool { get }

    /// Makes what speaks for the client in one exchange.
    ///
    /// When it throws, the attempt to connect fails with ``MQTTError/Code/credentialsUnavailable`` and is retried by the
    /// reconnect policy.
    func makeExchange() async throws -> any AuthenticationExchange
}

extension Authenticator {
    /// Does not expect another answer.
    public var credentialsMayChange: Bool { false }
}

/// The client's side of one exchange: what to say first, what to answer, and whether the server is the right one.
///
/// Its functions are called one after another, never two at once. The task they run in is cancelled when the connection is
/// gone; what they give back then is ignored.
public protocol AuthenticationExchange: Sendable {
    /// What to say first: data for CONNECT, or for the AUTH that asks to authenticate again.
    ///
    /// When it throws, nothing has been sent; see ``Authenticator/makeExchange()``.
    mutating func begin() async throws -> AuthenticationMessage

    /// What to answer when the server asks for more, at most 32 times.
    ///
    /// When it throws, the connection is closed with "unspecified error", the code a client has for it, and the call ends
    /// with ``MQTTError/Code/authenticationFailed``, which is not retried.
    mutating func answer(_ challenge: AuthenticationMessage) async throws -> AuthenticationMessage

    /// Looks at what the server said last, in CONNACK or in the AUTH that says success, to find out whether it is who it
    /// should be.
    ///
    /// Nothing that came behind CONNACK is delivered, and `connect()` does not return, before this does. When it throws, the
    /// connection is closed as for ``answer(_:)``.
    mutating func finish(_ message: AuthenticationMessage) async throws
}

/// What one side says in an exchange, beside the name of the method (MQTT 5.0, 3.15.2.2).
///
/// Its description never shows what is in it.
public struct AuthenticationMessage: Hashable, Sendable {
    /// The data of the method; nil sends none, which is not the same as empty data.
    public var data: ByteBuffer?

    /// Words for a person.
    ///
    /// Not sent with CONNECT, which has no place for them, nor when they would make the packet larger than the server takes.
    public var reasonString: String?

    /// Names and values, in order, with repeats.
    ///
    /// Not sent when they would make the packet larger than the server takes.
    public var userProperties: [(name: String, value: String)] {
        get { self.others.userProperties }
        set {
            self.others.removeUserProperties()
            for pair in newValue { self.others.appendUserProperty(pair.name, pair.value) }
        }
    }

    private var others = Properties()

    /// Makes a message.
    public init(
        data: ByteBuffer? = nil,
        reasonString: String? = nil,
        userProperties: [(name: String, value: String)] = []
    ) {
        self.data = data
        self.reasonString = reasonString
        self.userProperties = userProperties
    }
}

extension AuthenticationMessage: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Does not show it.
    public var description: String { "authentication message" }

    /// Does not show it.
    public var debugDescription: String { "authentication message" }

    /// Does not show it.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension AuthenticationMessage {
    /// What the server said.
    init(_ properties: Properties) {
        self.init(
            data: properties.authenticationData,
            reasonString: properties.reasonString,
            userProperties: properties.userProperties
        )
    }

    /// What goes into a packet, without the method.
    var properties: Properties {
        var properties = Properties()
        if let data = self.data { properties.append(.authenticationData(data)) }
        if let reason = self.reasonString { properties.append(.reasonString(reason)) }
        for property in self.others { properties.append(property) }
        return properties
    }
}
