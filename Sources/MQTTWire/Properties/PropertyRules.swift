// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Where a block of properties stands.
struct PropertyPlaces: OptionSet, Sendable {
    let rawValue: UInt16

    static let connect = PropertyPlaces(rawValue: 1 << 0)
    static let will = PropertyPlaces(rawValue: 1 << 1)
    static let connAck = PropertyPlaces(rawValue: 1 << 2)
    static let publish = PropertyPlaces(rawValue: 1 << 3)
    /// PUBACK, PUBREC, PUBREL, PUBCOMP.
    static let acknowledgement = PropertyPlaces(rawValue: 1 << 4)
    static let subscribe = PropertyPlaces(rawValue: 1 << 5)
    static let subAck = PropertyPlaces(rawValue: 1 << 6)
    static let unsubscribe = PropertyPlaces(rawValue: 1 << 7)
    static let unsubAck = PropertyPlaces(rawValue: 1 << 8)
    static let disconnect = PropertyPlaces(rawValue: 1 << 9)
    static let auth = PropertyPlaces(rawValue: 1 << 10)

    static let everywhere = PropertyPlaces(rawValue: (1 << 11) - 1)
}

extension PropertyID {
    /// Who may carry it (MQTT 5.0, table 2-4).
    var places: PropertyPlaces {
        switch self {
        case .payloadFormatIndicator: [.publish, .will]
        case .messageExpiryInterval: [.publish, .will]
        case .contentType: [.publish, .will]
        case .responseTopic: [.publish, .will]
        case .correlationData: [.publish, .will]
        case .subscriptionIdentifier: [.publish, .subscribe]
        case .sessionExpiryInterval: [.connect, .connAck, .disconnect]
        case .assignedClientIdentifier: [.connAck]
        case .serverKeepAlive: [.connAck]
        case .authenticationMethod: [.connect, .connAck, .auth]
        case .authenticationData: [.connect, .connAck, .auth]
        case .requestProblemInformation: [.connect]
        case .willDelayInterval: [.will]
        case .requestResponseInformation: [.connect]
        case .responseInformation: [.connAck]
        case .serverReference: [.connAck, .disconnect]
        case .reasonString: [.connAck, .acknowledgement, .subAck, .unsubAck, .disconnect, .auth]
        case .receiveMaximum: [.connect, .connAck]
        case .topicAliasMaximum: [.connect, .connAck]
        case .topicAlias: [.publish]
        case .maximumQoS: [.connAck]
        case .retainAvailable: [.connAck]
        case .userProperty: .everywhere
        case .maximumPacketSize: [.connect, .connAck]
        case .wildcardSubscriptionAvailable: [.connAck]
        case .subscriptionIdentifierAvailable: [.connAck]
        case .sharedSubscriptionAvailable: [.connAck]
        }
    }

    /// Whether it may appear more than once in a place (MQTT 5.0, 3.3.2.3.8 for the subscription identifier).
    func mayRepeat(in place: PropertyPlaces) -> Bool {
        self == .userProperty || self == .subscriptionIdentifier && place == .publish
    }

    /// Whether the place is right but the sender is the wrong end of the connection.
    func isFromWrongEnd(in place: PropertyPlaces, readBy role: PacketDecoder.Role) -> Bool {
        switch self {
        // MQTT-3.3.4-6: only a server knows which subscriptions matched.
        case .subscriptionIdentifier: role == .server && place == .publish
        // MQTT-3.14.2-2.
        case .sessionExpiryInterval: role == .client && place == .disconnect
        // MQTT 5.0, 3.14.2.2.5.
        case .serverReference: role == .server && place == .disconnect
        default: false
        }
    }
}

/// The identifiers met so far in one block.
struct PropertySet {
    private var seen: UInt64 = 0

    /// Notes an identifier; false when it was there before.
    ///
    /// No identifier is above 63.
    mutating func insert(_ id: PropertyID) -> Bool {
        let bit = UInt64(1) << UInt64(id.rawValue)
        defer { self.seen |= bit }
        return self.seen & bit == 0
    }

    @inline(__always)
    func contains(_ id: PropertyID) -> Bool { self.seen & UInt64(1) << UInt64(id.rawValue) != 0 }
}
