// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import Logging
public import MQTTEngine
public import MQTTWire
public import NIOCore

extension MQTTClient {
    /// Everything about a client that has a default.
    ///
    /// Durations on the wire are whole seconds; they are rounded up. Values out of range make `connect()` throw
    /// ``MQTTError/Code/invalidArgument``.
    public struct Configuration: Sendable {
        /// The client identifier.
        ///
        /// An empty one is replaced by a generated one that is kept for the client's life.
        public var clientID = ""

        /// The longest silence on the line, 0 to 65,535 seconds; a ping is sent before it is over.
        ///
        /// 0 switches pings off.
        public var keepAlive = Duration.seconds(60)

        /// What the server publishes when this client goes away without a DISCONNECT.
        public var will: Will?

        /// The user name and password.
        public var credentials: Credentials?

        /// Which of several endpoints is tried when; without meaning for one.
        public var endpointOrder = EndpointOrder.inOrder

        /// How long name lookup, connection, proxy, TLS and WebSocket may take together.
        ///
        /// The ``TransportError`` beneath the error says at which stage the time was over. CONNACK has
        /// ``handshakeTimeout``.
        public var connectTimeout = Duration.seconds(10)

        /// How long the server may take to answer CONNECT.
        public var handshakeTimeout = Duration.seconds(10)

        /// How long the server may take to answer a ping while nothing else arrives.
        public var pingTimeout = Duration.seconds(10)

        /// The largest packet accepted, in bytes; on 5.0 the server is told.
        ///
        /// nil is what MQTT allows: 268,435,460.
        public var maximumPacketSize: Int?

        /// At most so many QoS 1 and 2 messages are in flight to the server.
        ///
        /// nil is what the server allows: its receive maximum on 5.0, 100 before.
        public var inFlightWindow: Int?

        /// At most so many messages are queued or in flight.
        public var pendingMessageLimit = 65_535

        /// At most so many bytes are queued or in flight.
        public var pendingByteLimit = 64 << 20

        /// At most about so many bytes wait in the buffers of all subscriptions before QoS 0 messages are dropped.
        ///
        /// With ``pendingByteLimit`` and ``maximumPacketSize`` it bounds the client's memory, whatever the peer sends.
        /// A single packet may be larger. When messages that may not be dropped take twice as much and more come, the
        /// connection is closed with "quota exceeded".
        public var memoryBudget = 64 << 20

        /// Limits of a server that does not announce its own, with presets for well-known clouds.
        public var brokerLimits = BrokerLimits()

        /// After so many connections that ended while the same message was the oldest one without an acknowledgement, the
        /// message is not sent again and ends with ``MQTTError/Code/outcomeUnknown``; at least 1.
        ///
        /// Some servers close the connection over a message they do not like, every time they see it.
        public var resendLimit = 16

        /// How long QoS 1 and 2 messages of a session wait for a subscription, when ``MQTTClient/connect()`` goes on with one the
        /// server has kept; 0 acknowledges and drops at once what nobody has subscribed to.
        ///
        /// Meanwhile they are not acknowledged, and hold back the acknowledgements behind them. At most 1,000 messages and 8 MiB
        /// wait. A subscription declared before connecting needs no such time.
        public var unclaimedGrace = Duration.seconds(5)

        /// What calls do without a connection.
        public var offline = OfflinePolicy()

        /// When to connect again.
        public var reconnect = ReconnectPolicy()

        /// Whether a failed first attempt is retried like a lost connection, instead of making `connect()` throw.
        public var retriesFirstAttempt = false

        /// Keeps the session beyond the process.
        ///
        /// Needs a client identifier of your own and a session that outlives the connection.
        public var sessionStore: (any SessionStore)?

        /// The event loop to use; nil takes one of the process-wide group.
        public var eventLoop: (any EventLoop)?

        /// Where to log; nil is the task-local logger of swift-log where the client is made.
        public var logger: Logger?

        /// What only some versions have.
        var versioned = VersionedSettings()

        /// Makes a configuration of defaults.
        public init() {}
    }
}

/// The settings that only some versions have; reached through the extensions of their versions.
struct VersionedSettings: Sendable {
    var cleanStart = EngineConfiguration.CleanStart.always
    /// Seconds; before 5.0, 0 or `UInt32.max`.
    var sessionExpiry: UInt32 = 0
    var sessionExpiryIsValid = true
    var receiveMaximum = UInt16.max
    var unexpectedSession = UnexpectedSession.refuse
    var requestProblemInformation = true
    var topicAliasMaximum: UInt16 = 64
    var outboundTopicAliases = TopicAliasPolicy.manual
    var willProperties = Properties()
    var connectProperties = Properties()
    var authenticator: HiddenAuthenticator?
    var requestResponseInformation = false
    var requests = RequestSettings()
}

extension MQTTClient.Configuration where Version: MQTT3Version {
    /// Whether the server forgets the session when the connection ends (MQTT 3.1.1, 3.1.2.4).
    ///
    /// false keeps subscriptions and undelivered QoS 1 and 2 messages, and goes on with a session the server still has.
    public var cleanSession: Bool {
        get { self.versioned.cleanStart == .always }
        set {
            self.versioned.cleanStart = newValue ? .always : .never
            self.versioned.sessionExpiry = newValue ? 0 : .max
        }
    }
}
