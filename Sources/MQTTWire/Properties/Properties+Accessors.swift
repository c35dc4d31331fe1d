// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import NIOCore

// One typed property for each of the 27 (MQTT 5.0, 2.2.2.2). Reading gives the first of its kind.

// MARK: - Messages: PUBLISH and the will

extension Properties {
    /// Whether the payload is bytes or UTF-8 text (MQTT 5.0, 3.3.2.3.2).
    public var payloadFormatIndicator: PayloadFormat? {
        get {
            for case .payloadFormatIndicator(let value) in self { return value }
            return nil
        }
        set { self.set(.payloadFormatIndicator, newValue.map(Property.payloadFormatIndicator)) }
    }

    /// Seconds after which the server drops the message if it could not deliver it (MQTT 5.0, 3.3.2.3.3).
    public var messageExpiryInterval: UInt32? {
        get {
            for case .messageExpiryInterval(let value) in self { return value }
            return nil
        }
        set { self.set(.messageExpiryInterval, newValue.map(Property.messageExpiryInterval)) }
    }

    /// The kind of payload, often a MIME type; MQTT itself does not look at it (MQTT 5.0, 3.3.2.3.9).
    public var contentType: String? {
        get {
            for case .contentType(let value) in self { return value }
            return nil
        }
        set { self.set(.contentType, newValue.map(Property.contentType)) }
    }

    /// The topic a response to the message goes to; no wildcards (MQTT 5.0, 3.3.2.3.5).
    public var responseTopic: String? {
        get {
            for case .responseTopic(let value) in self { return value }
            return nil
        }
        set { self.set(.responseTopic, newValue.map(Property.responseTopic)) }
    }

    /// Bytes the sender of a request knows its response by (MQTT 5.0, 3.3.2.3.6).
    public var correlationData: ByteBuffer? {
        get {
            for case .correlationData(let value) in self { return value }
            return nil
        }
        set { self.set(.correlationData, newValue.map(Property.correlationData)) }
    }

    /// A number instead of the topic, 1 to the peer's topic alias maximum (MQTT 5.0, 3.3.2.3.4).
    ///
    /// In a message to publish it asks for this number: the first message of a topic under it goes out with both, the next
    /// ones with the number alone, until the number is asked for with another topic. The topic is always given. A message
    /// that is sent again, that a store keeps, or whose number the server of its connection does not take (when it had to
    /// wait for that connection) goes out with its topic alone. Nobody has to ask: see `Configuration.outboundTopicAliases`.
    ///
    /// In a message received it is only of interest for logs: its topic is always there, and the number means nothing to
    /// others. Take it out before passing the properties on.
    public var topicAlias: UInt16? {
        get {
            for case .topicAlias(let value) in self { return value }
            return nil
        }
        set { self.set(.topicAlias, newValue.map(Property.topicAlias)) }
    }

    /// Seconds the server waits before it publishes the will (MQTT 5.0, 3.1.3.2.2).
    public var willDelayInterval: UInt32? {
        get {
            for case .willDelayInterval(let value) in self { return value }
            return nil
        }
        set { self.set(.willDelayInterval, newValue.map(Property.willDelayInterval)) }
    }

    /// The first subscription identifier, 1 to 268,435,455 (MQTT 5.0, 3.8.2.1.2); see ``subscriptionIdentifiers``.
    public var subscriptionIdentifier: UInt32? {
        get {
            for case .subscriptionIdentifier(let value) in self { return value }
            return nil
        }
        set { self.set(.subscriptionIdentifier, newValue.map(Property.subscriptionIdentifier)) }
    }
}

// MARK: - Sessions and limits: CONNECT, CONNACK, DISCONNECT

extension Properties {
    /// Seconds a session outlives its connection; `UInt32.max` is for ever (MQTT 5.0, 3.1.2.11.2).
    public var sessionExpiryInterval: UInt32? {
        get {
            for case .sessionExpiryInterval(let value) in self { return value }
            return nil
        }
        set { self.set(.sessionExpiryInterval, newValue.map(Property.sessionExpiryInterval)) }
    }

    /// How many QoS 1 and 2 messages the sender takes at once, 1 to 65,535 (MQTT 5.0, 3.1.2.11.3).
    public var receiveMaximum: UInt16? {
        get {
            for case .receiveMaximum(let value) in self { return value }
            return nil
        }
        set { self.set(.receiveMaximum, newValue.map(Property.receiveMaximum)) }
    }

    /// The largest packet the sender accepts, in bytes, not 0 (MQTT 5.0, 3.1.2.11.4).
    public var maximumPacketSize: UInt32? {
        get {
            for case .maximumPacketSize(let value) in self { return value }
            return nil
        }
        set { self.set(.maximumPacketSize, newValue.map(Property.maximumPacketSize)) }
    }

    /// The highest topic alias the sender accepts; 0 is none (MQTT 5.0, 3.1.2.11.5).
    public var topicAliasMaximum: UInt16? {
        get {
            for case .topicAliasMaximum(let value) in self { return value }
            return nil
        }
        set { self.set(.topicAliasMaximum, newValue.map(Property.topicAliasMaximum)) }
    }

    /// Whether the server may send reason strings and user properties with failures (MQTT 5.0, 3.1.2.11.7).
    public var requestProblemInformation: Bool? {
        get {
            for case .requestProblemInformation(let value) in self { return value }
            return nil
        }
        set { self.set(.requestProblemInformation, newValue.map(Property.requestProblemInformation)) }
    }

    /// Whether the client asks the server for response information (MQTT 5.0, 3.1.2.11.6).
    public var requestResponseInformation: Bool? {
        get {
            for case .requestResponseInformation(let value) in self { return value }
            return nil
        }
        set { self.set(.requestResponseInformation, newValue.map(Property.requestResponseInformation)) }
    }

    /// The client identifier the server chose because the client gave none (MQTT 5.0, 3.2.2.3.7).
    public var assignedClientIdentifier: String? {
        get {
            for case .assignedClientIdentifier(let value) in self { return value }
            return nil
        }
        set { self.set(.assignedClientIdentifier, newValue.map(Property.assignedClientIdentifier)) }
    }

    /// The keep-alive in seconds the client must use instead of its own (MQTT 5.0, 3.2.2.3.14).
    public var serverKeepAlive: UInt16? {
        get {
            for case .serverKeepAlive(let value) in self { return value }
            return nil
        }
        set { self.set(.serverKeepAlive, newValue.map(Property.serverKeepAlive)) }
    }

    /// What to build response topics from (MQTT 5.0, 3.2.2.3.15).
    public var responseInformation: String? {
        get {
            for case .responseInformation(let value) in self { return value }
            return nil
        }
        set { self.set(.responseInformation, newValue.map(Property.responseInformation)) }
    }

    /// Another server to use (MQTT 5.0, 3.2.2.3.16).
    public var serverReference: String? {
        get {
            for case .serverReference(let value) in self { return value }
            return nil
        }
        set { self.set(.serverReference, newValue.map(Property.serverReference)) }
    }

    /// A reason for people to read, not for programs to parse (MQTT 5.0, 3.2.2.3.9).
    public var reasonString: String? {
        get {
            for case .reasonString(let value) in self { return value }
            return nil
        }
        set { self.set(.reasonString, newValue.map(Property.reasonString)) }
    }
}

// MARK: - What the server can do: CONNACK

extension Properties {
    /// The highest QoS the server takes: 0 or 1; absent means 2 (MQTT 5.0, 3.2.2.3.4).
    public var maximumQoS: QoS? {
        get {
            for case .maximumQoS(let value) in self { return value }
            return nil
        }
        set { self.set(.maximumQoS, newValue.map(Property.maximumQoS)) }
    }

    /// Whether the server keeps retained messages; absent means it does (MQTT 5.0, 3.2.2.3.5).
    public var retainAvailable: Bool? {
        get {
            for case .retainAvailable(let value) in self { return value }
            return nil
        }
        set { self.set(.retainAvailable, newValue.map(Property.retainAvailable)) }
    }

    /// Whether the server takes filters with wildcards; absent means it does (MQTT 5.0, 3.2.2.3.11).
    public var wildcardSubscriptionAvailable: Bool? {
        get {
            for case .wildcardSubscriptionAvailable(let value) in self { return value }
            return nil
        }
        set { self.set(.wildcardSubscriptionAvailable, newValue.map(Property.wildcardSubscriptionAvailable)) }
    }

    /// Whether the server takes subscription identifiers; absent means it does (MQTT 5.0, 3.2.2.3.12).
    public var subscriptionIdentifierAvailable: Bool? {
        get {
            for case .subscriptionIdentifierAvailable(let value) in self { return value }
            return nil
        }
        set { self.set(.subscriptionIdentifierAvailable, newValue.map(Property.subscriptionIdentifierAvailable)) }
    }

    /// Whether the server takes shared subscriptions; absent means it does (MQTT 5.0, 3.2.2.3.13).
    public var sharedSubscriptionAvailable: Bool? {
        get {
            for case .sharedSubscriptionAvailable(let value) in self { return value }
            return nil
        }
        set { self.set(.sharedSubscriptionAvailable, newValue.map(Property.sharedSubscriptionAvailable)) }
    }
}

// MARK: - Enhanced authentication: CONNECT, CONNACK, AUTH

extension Properties {
    /// The name of the enhanced authentication method (MQTT 5.0, 3.1.2.11.9).
    public var authenticationMethod: String? {
        get {
            for case .authenticationMethod(let value) in self { return value }
            return nil
        }
        set { self.set(.authenticationMethod, newValue.map(Property.authenticationMethod)) }
    }

    /// Bytes of the enhanced authentication method; only with ``authenticationMethod`` (MQTT 5.0, 3.1.2.11.10).
    public var authenticationData: ByteBuffer? {
        get {
            for case .authenticationData(let value) in self { return value }
            return nil
        }
        set { self.set(.authenticationData, newValue.map(Property.authenticationData)) }
    }
}

// MARK: - Those that repeat

extension Properties {
    /// All subscription identifiers; of a received message, those of what it matched (MQTT 5.0, 3.3.2.3.8).
    public var subscriptionIdentifiers: [UInt32] {
        get {
            var identifiers: [UInt32] = []
            for case .subscriptionIdentifier(let value) in self { identifiers.append(value) }
            return identifiers
        }
        set {
            self.set(.subscriptionIdentifier, nil)
            for value in newValue { self.append(.subscriptionIdentifier(value)) }
        }
    }

    /// The user properties in their order, a name as often as it was sent (MQTT 5.0, 3.3.2.3.7).
    public var userProperties: [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        for case .userProperty(let name, let value) in self { pairs.append((name, value)) }
        return pairs
    }

    /// Appends a user property, whether or not one of its name is there.
    public mutating func appendUserProperty(_ name: String, _ value: String) {
        self.append(.userProperty(name: name, value: value))
    }

    /// Removes all user properties.
    public mutating func removeUserProperties() { self.set(.userProperty, nil) }
}
