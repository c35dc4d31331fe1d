// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import Logging
public import MQTTWire
public import NIOCore

/// What a ``Broker`` is like: where it listens, whom it lets in, what it allows.
///
/// ```swift
/// var configuration = BrokerConfiguration()
/// configuration.listeners = [.tcp(port: 1883), .webSocket(port: 8080)]
/// configuration.limits.maximumQoS = .atLeastOnce
/// configuration.authenticate = { $0.username == "ann" ? .success : .badUserNameOrPassword }
/// ```
public struct BrokerConfiguration: Sendable {
    /// Where clients connect to; a free TCP port of 127.0.0.1 unless told otherwise.
    ///
    /// ``Broker/inMemoryEndpoint`` is there always, so the list may be empty.
    public var listeners: [BrokerListener] = [.tcp()]

    /// What the broker allows.
    public var limits = BrokerProfile()

    /// Whether a client may connect; nil lets in everybody.
    ///
    /// `.success` lets it in, any other code is what its CONNACK says. The connection waits meanwhile, the others go on.
    public var authenticate: (@Sendable (ConnectionAttempt) async -> ReasonCode)?

    /// Whether a client may publish to a topic or subscribe to a filter, which `.success` says; nil lets everybody.
    public var authorize: (@Sendable (BrokerAccess) async -> ReasonCode)?

    /// Enhanced authentication (MQTT 5.0, 4.12); without it a CONNECT that asks for any is refused.
    public var authenticator: (any BrokerAuthenticator)?

    /// Where the broker says what happens; nil says nothing.
    public var logger: Logger?

    /// What the identifiers that the broker gives clients are made of: the same seed gives the same ones.
    public var seed: UInt64 = 0

    /// What shall go wrong; may be changed while the broker runs, see ``Broker/faults``.
    public var faults = FaultScript.none

    /// The web pages whose scripts may connect by WebSocket, for example `https://panel.example.com`; nil allows all.
    ///
    /// Without a list any page that a user of this machine looks at can talk to the broker in the user's name. Programs that are
    /// no browsers send no origin and are let in.
    public var allowedOrigins: Set<String>?

    /// How many bytes may wait for a client that does not read; beyond it its connection is closed.
    public var outboundBytes = 64 << 20

    /// The largest packet taken before a client was let in, in bytes.
    public var firstPacketSize = 1 << 20

    /// How long the last bytes for a client may take when the broker closes a connection.
    public var closingTime: Duration = .seconds(2)

    /// How many events wait for each reader of ``Broker/events``; beyond it the oldest are dropped.
    public var bufferedEvents = 10_000

    /// The event loop that everything runs on; nil is one of the broker's own, on a thread of its own.
    public var eventLoop: (any EventLoop)?

    /// One TCP listener on a free port of 127.0.0.1, and everybody may do everything.
    public init() {}

    /// The same with these listeners.
    public init(listeners: [BrokerListener]) { self.listeners = listeners }
}
