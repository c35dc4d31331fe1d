// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTEngine
public import MQTTTransport
public import MQTTWire

/// What happens to a client's connection, for those who watch ``MQTTClient/events``.
///
/// More cases may come.
public enum MQTTEvent: Sendable {
    /// A connection stands.
    case connected(ConnectionInfo)
    /// The connection ended or an attempt failed; the code is ``MQTTError/Code/clientClosed`` when the user asked for it.
    case disconnected(MQTTError)
    /// The next attempt is made after the wait; attempts are counted from 1 since the last stable connection.
    ///
    /// With several endpoints the wait is zero until each had its turn; see ``EndpointOrder``.
    case reconnecting(attempt: Int, after: Duration)
    /// The server named another one, as the reconnect policy allows: it is tried at once.
    case redirected(to: ServerReference)
    /// The server has a session this client knew nothing of, and it is gone on with.
    ///
    /// What an earlier process had not got acknowledged is lost. Before 5.0 the client cannot refuse it.
    case adoptedSession(clientID: String)
    /// No further attempt is made: every loop and waiting call ends with the error.
    case gaveUp(MQTTError)
    /// The server did not take a filter; that subscription ended.
    case subscriptionRefused(filter: String, reason: ReasonCode)
    /// Messages were dropped because a buffer was full, or the memory budget was used up.
    case messagesDropped(count: Int, filter: String)
    /// A message came that no subscription wanted, or a reply that no request waits for; it was acknowledged.
    case unmatchedMessage(topic: String)

    init(_ event: EngineEvent, of link: Link) {
        switch event {
        case .connected(let connected): self = .connected(link.info(connected))
        case .disconnected(let failure): self = .disconnected(MQTTError(failure))
        case .reconnecting(let attempt, let wait): self = .reconnecting(attempt: attempt, after: wait)
        case .redirected(let server): self = .redirected(to: server)
        case .adoptedSession(let clientID): self = .adoptedSession(clientID: clientID)
        case .gaveUp(let failure): self = .gaveUp(MQTTError(failure))
        case .subscriptionRefused(_, let filter, let reason):
            self = .subscriptionRefused(filter: filter, reason: reason)
        case .unmatched(let topic): self = .unmatchedMessage(topic: topic)
        }
    }
}

/// What a connection began with.
public struct ConnectionInfo: Hashable, Sendable {
    /// Whether the server still had the session.
    public var sessionPresent: Bool

    /// The client identifier in use: yours, a generated one, or the one the server assigned.
    public var clientID: String

    /// What the server allows on this connection.
    public var limits: ServerLimits

    /// The properties of CONNACK as they came; empty before 5.0.
    public var properties: Properties

    /// Where the connection leads to: one of yours, or the server that yours has named; nil for channels of tests.
    ///
    /// For a service, or a host with several addresses, it does not say which one.
    public var endpoint: Endpoint?

    init(_ connected: Connected, endpoint: Endpoint?) {
        self.sessionPresent = connected.sessionPresent
        self.clientID = connected.clientID
        self.limits = ServerLimits(connected.limits)
        self.properties = connected.properties
        self.endpoint = endpoint
    }
}

/// What the server allows, as applied on this connection (MQTT 5.0, 3.2.2.3).
///
/// Before 5.0 these are constants.
public struct ServerLimits: Hashable, Sendable {
    /// QoS 1 and 2 messages that may be in flight to the server, with the client's own window applied.
    public var receiveMaximum: Int

    /// The largest packet the server takes, in bytes.
    public var maximumPacketSize: Int

    /// The highest QoS the server takes.
    public var maximumQoS: QoS

    /// Whether the server keeps retained messages.
    public var retainAvailable: Bool

    /// Whether the server takes wildcard filters.
    public var wildcardSubscriptionAvailable: Bool

    /// Whether the server takes shared subscriptions.
    public var sharedSubscriptionAvailable: Bool

    /// Whether the server takes subscription identifiers.
    public var subscriptionIdentifierAvailable: Bool

    /// The highest topic alias the server takes.
    public var topicAliasMaximum: UInt16

    /// The keep-alive in use; zero is off.
    public var keepAlive: Duration

    /// How long the server keeps the session after the connection ended; nil is for ever.
    public var sessionExpiry: Duration?

    init(_ limits: NegotiatedLimits) {
        self.receiveMaximum = limits.receiveMaximum
        self.maximumPacketSize = limits.maximumPacketSize
        self.maximumQoS = limits.maximumQoS
        self.retainAvailable = limits.retainAvailable
        self.wildcardSubscriptionAvailable = limits.wildcardsAvailable
        self.sharedSubscriptionAvailable = limits.sharedSubscriptionsAvailable
        self.subscriptionIdentifierAvailable = limits.subscriptionIdentifiersAvailable
        self.topicAliasMaximum = limits.topicAliasMaximum
        self.keepAlive = .seconds(Int64(limits.keepAlive))
        self.sessionExpiry = limits.sessionExpiry == .max ? nil : .seconds(Int64(limits.sessionExpiry))
    }
}
