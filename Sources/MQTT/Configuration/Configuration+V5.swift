// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
public import MQTTWire

extension MQTTClient.Configuration where Version == V5 {
    /// When a connection asks the server to forget the session (MQTT 5.0, 3.1.2.4).
    public var cleanStart: CleanStart {
        get {
            switch self.versioned.cleanStart {
            case .always: .always
            case .firstOnly: .firstOnly
            case .never: .never
            }
        }
        set {
            switch newValue {
            case .always: self.versioned.cleanStart = .always
            case .firstOnly: self.versioned.cleanStart = .firstOnly
            case .never: self.versioned.cleanStart = .never
            }
        }
    }

    /// What to do when the server has a session that this client knows nothing of.
    ///
    /// It can happen where ``cleanStart`` is not ``CleanStart/always`` and there is no session store.
    public var unexpectedSession: UnexpectedSession {
        get { self.versioned.unexpectedSession }
        set { self.versioned.unexpectedSession = newValue }
    }

    /// Whether the server may send reason strings and user properties with every packet (MQTT 5.0, 3.1.2.11.7).
    ///
    /// With false it may do so with CONNACK, PUBLISH and DISCONNECT only, and is disconnected when it does more.
    public var requestProblemInformation: Bool {
        get { self.versioned.requestProblemInformation }
        set { self.versioned.requestProblemInformation = newValue }
    }

    /// How long the server keeps the session after the connection ended; nil is for ever (MQTT 5.0, 3.1.2.11.2).
    ///
    /// 0, the default, ends the session with its connection. Whole seconds, rounded up.
    public var sessionExpiry: Duration? {
        get { self.versioned.sessionExpiry == .max ? nil : .seconds(Int64(self.versioned.sessionExpiry)) }
        set {
            let seconds = newValue.map { $0.wholeSeconds }
            self.versioned.sessionExpiryIsValid = seconds.map { 0..<Int64(UInt32.max) ~= $0 } ?? true
            self.versioned.sessionExpiry = seconds.map { UInt32(clamping: $0) } ?? .max
        }
    }

    /// How many QoS 1 and 2 messages the server may have in flight to this client: 65,535 unless set, at least 1.
    ///
    /// A lower one bounds what a slow consumer makes the client hold (MQTT 5.0, 3.1.2.11.3). A server that sends more is
    /// disconnected.
    public var receiveMaximum: UInt16 {
        get { self.versioned.receiveMaximum }
        set { self.versioned.receiveMaximum = newValue }
    }

    /// How many topic aliases the server may use in what it sends: 64 unless set, 0 allows none (MQTT 5.0, 3.1.2.11.5).
    ///
    /// Messages always come with their topic. For each alias in use the client keeps a topic, 64 KiB at most, until the
    /// connection ends: 64 of them never take more than 4 MiB, and spare the topics that most messages have.
    public var topicAliasMaximum: UInt16 {
        get { self.versioned.topicAliasMaximum }
        set { self.versioned.topicAliasMaximum = newValue }
    }

    /// Which messages this client sends under a topic alias, as far as the server takes aliases: unless set, those that
    /// ask for one.
    public var outboundTopicAliases: TopicAliasPolicy {
        get { self.versioned.outboundTopicAliases }
        set { self.versioned.outboundTopicAliases = newValue }
    }

    /// The properties of the will: delay, expiry, content type, response topic, correlation data, user properties.
    public var willProperties: Properties {
        get { self.versioned.willProperties }
        set { self.versioned.willProperties = newValue }
    }

    /// Further properties of CONNECT, in this order: user properties.
    ///
    /// Session expiry, receive maximum, maximum packet size and topic alias maximum have settings of their own and may not
    /// be here.
    public var connectProperties: Properties {
        get { self.versioned.connectProperties }
        set { self.versioned.connectProperties = newValue }
    }

    /// Whether the server is asked where this client may have replies sent to (MQTT 5.0, 3.1.2.11.6); not by default.
    ///
    /// What it answers is the beginning of the topics that ``MQTTClient/request(_:to:qos:timeout:properties:whenDisconnected:)-(ByteBuffer,_,_,_,_,_)``
    /// makes for replies.
    public var requestResponseInformation: Bool {
        get { self.versioned.requestResponseInformation }
        set { self.versioned.requestResponseInformation = newValue }
    }

    /// How requests wait for their replies.
    public var requests: RequestSettings {
        get { self.versioned.requests }
        set { self.versioned.requests = newValue }
    }
}

extension Duration {
    /// The duration in seconds, rounded up.
    var wholeSeconds: Int64 {
        let (seconds, attoseconds) = self.components
        return attoseconds > 0 && seconds < .max ? seconds + 1 : seconds
    }
}
