// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// What this connection may do: constants before 5.0, CONNACK's word in 5.0 (MQTT 5.0, 3.2.2.3).
package struct NegotiatedLimits: Hashable, Sendable {
    /// QoS 1 and 2 messages we may have in flight.
    package var receiveMaximum: Int
    /// Bytes of the largest packet the server takes.
    package var maximumPacketSize: Int
    package var maximumQoS: QoS
    package var retainAvailable: Bool
    package var wildcardsAvailable: Bool
    package var sharedSubscriptionsAvailable: Bool
    package var subscriptionIdentifiersAvailable: Bool
    package var topicAliasMaximum: UInt16
    /// Seconds; 0 is off.
    package var keepAlive: UInt16
    /// Seconds the session outlives this connection.
    package var sessionExpiry: UInt32
    /// What the server does not announce.
    package var messageLimits: MessageLimits?

    /// The limits of 3.x, where the server says nothing.
    package init(configuration: EngineConfiguration) {
        self.receiveMaximum = configuration.version.hasProperties ? 65_535 : 100
        self.maximumPacketSize = 268_435_460
        self.maximumQoS = configuration.maximumQoS
        self.messageLimits = configuration.messageLimits
        self.retainAvailable = true
        self.wildcardsAvailable = true
        self.sharedSubscriptionsAvailable = true
        self.subscriptionIdentifiersAvailable = configuration.version.hasProperties
        self.topicAliasMaximum = 0
        self.keepAlive = configuration.keepAlive
        self.sessionExpiry = configuration.sessionExpiry
        if let window = configuration.inFlightWindow {
            // Before 5.0 nobody announces a limit, so the user's own window may also be larger than our default.
            self.receiveMaximum = max(1, min(window, 65_535))
        }
    }

    /// The limits a server announced.
    package init(configuration: EngineConfiguration, announced properties: Properties) {
        self.init(configuration: configuration)
        if let maximum = properties.receiveMaximum { self.receiveMaximum = min(self.receiveMaximum, Int(maximum)) }
        if let size = properties.maximumPacketSize { self.maximumPacketSize = min(self.maximumPacketSize, Int(size)) }
        self.maximumQoS = min(self.maximumQoS, properties.maximumQoS ?? .exactlyOnce)
        self.retainAvailable = properties.retainAvailable ?? true
        self.wildcardsAvailable = properties.wildcardSubscriptionAvailable ?? true
        self.sharedSubscriptionsAvailable = properties.sharedSubscriptionAvailable ?? true
        self.subscriptionIdentifiersAvailable =
            configuration.version.hasProperties && (properties.subscriptionIdentifierAvailable ?? true)
        self.topicAliasMaximum = properties.topicAliasMaximum ?? 0
        self.keepAlive = properties.serverKeepAlive ?? configuration.keepAlive
        self.sessionExpiry = properties.sessionExpiryInterval ?? configuration.sessionExpiry
    }
}

extension NegotiatedLimits {
    /// Whether the server may not take such a message; most are cleared by comparing a few numbers.
    @inline(__always)
    func mayRefuse(_ frame: borrowing PublishFrame) -> Bool {
        frame.size > self.maximumPacketSize || frame.message.qos > self.maximumQoS
            || frame.requestedAlias > self.topicAliasMaximum || frame.message.retain && !self.retainAvailable
            || self.messageLimits != nil
    }

    /// Why the server does not take such a message; nil when it does (MQTT-3.2.2-11, MQTT-3.2.2-14, MQTT-3.2.2-15).
    func refusal(of frame: PublishFrame) -> EngineFailure? {
        if frame.size > self.maximumPacketSize {
            let words = "the message makes a packet of \(frame.size) bytes; the server takes \(self.maximumPacketSize)"
            return EngineFailure(.packetTooLarge, reason: .packetTooLarge, words)
        }
        if frame.message.qos > self.maximumQoS {
            let words = "the server takes at most QoS \(self.maximumQoS.rawValue)"
            return EngineFailure(.notSupportedByServer, reason: .qosNotSupported, words)
        }
        if frame.message.retain, !self.retainAvailable {
            let words = "the server keeps no retained messages"
            return EngineFailure(.notSupportedByServer, reason: .retainNotSupported, words)
        }
        return self.messageLimits?.refusal(of: frame)
    }

    /// Why the server does not take the alias that a message asks for; nil when it does, or there is none
    /// (MQTT-3.2.2-17, MQTT-3.2.2-18, MQTT-3.3.2-9).
    func refusalOfAlias(of frame: PublishFrame) -> EngineFailure? {
        guard frame.requestedAlias > self.topicAliasMaximum else { return nil }
        let words = "the server takes topic aliases up to \(self.topicAliasMaximum), not \(frame.requestedAlias)"
        return EngineFailure(.notSupportedByServer, reason: .topicAliasInvalid, words)
    }

    /// Why the server does not take such a filter; nil when it does (MQTT 5.0, 3.2.2.3.11, 3.2.2.3.13).
    ///
    /// To send it would cost the whole connection.
    func refusal(of filter: TopicFilter, properties: Properties) -> EngineFailure? {
        if filter.shareName != nil, !self.sharedSubscriptionsAvailable {
            let words = "the server takes no shared subscriptions: \"\(filter.string)\" was not sent"
            let reason = ReasonCode.sharedSubscriptionsNotSupported
            return EngineFailure(.notSupportedByServer, reason: reason, filter: filter.string, words)
        }
        if filter.hasWildcards, !self.wildcardsAvailable {
            let words = "the server takes no wildcard filters: \"\(filter.string)\" was not sent"
            let reason = ReasonCode.wildcardSubscriptionsNotSupported
            return EngineFailure(.notSupportedByServer, reason: reason, filter: filter.string, words)
        }
        let overhead = SubscriptionLedger.Part.overhead + properties.userPropertiesSize
        if overhead + filter.subscribeSize > self.maximumPacketSize {
            let words = "the filter makes a packet larger than the \(self.maximumPacketSize) bytes the server takes"
            return EngineFailure(.packetTooLarge, reason: .packetTooLarge, filter: filter.string, words)
        }
        var failure = self.messageLimits?.refusal(of: filter.string, "filter")
        failure?.filter = filter.string
        return failure
    }
}

extension NegotiatedLimits {
    /// The packet without what makes it larger than the server takes: first the reason string, then user properties
    /// (MQTT-3.14.2-3, MQTT-3.14.2-4).
    func fit(_ packet: Disconnect) -> Disconnect {
        var packet = packet
        if self.fits(packet) { return packet }
        packet.properties.reasonString = nil
        if self.fits(packet) { return packet }
        packet.properties = Properties(packet.properties.filter { if case .userProperty = $0 { false } else { true } })
        return packet
    }

    private func fits(_ packet: Disconnect) -> Bool {
        let size = try? PacketEncoder(version: .v5).encodedSize(of: .disconnect(packet))
        return (size ?? 0) <= self.maximumPacketSize
    }
}
