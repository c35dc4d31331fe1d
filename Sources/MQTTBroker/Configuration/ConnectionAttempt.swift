// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire
public import NIOCore

/// A client that wants to connect, for ``BrokerConfiguration/authenticate``.
public struct ConnectionAttempt: Sendable {
    /// The identifier it gives itself; empty if the broker is to give it one.
    public let clientID: String

    /// Its user name, if it has one.
    public let username: String?

    /// Its password, if it has one.
    public let password: ByteBuffer?

    /// The version it speaks.
    public let version: ProtocolVersion

    /// Whether it begins a new session.
    public let cleanStart: Bool

    /// The properties of its CONNECT.
    public let properties: Properties

    /// Where it comes from, as an IP address and a port; nil by a Unix socket or in memory.
    public let remoteAddress: String?

    init(_ connect: Connect, version: ProtocolVersion, remoteAddress: String?) {
        self.clientID = connect.clientID
        self.username = connect.username
        self.password = connect.password
        self.version = version
        self.cleanStart = connect.cleanStart
        self.properties = connect.properties
        self.remoteAddress = remoteAddress
    }

    /// The password as text; nil if there is none, or if it is no UTF-8.
    public var passwordText: String? {
        self.password.flatMap { String(validating: $0.readableBytesView, as: UTF8.self) }
    }
}
