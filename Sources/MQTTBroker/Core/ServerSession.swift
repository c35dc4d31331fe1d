// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

/// What the broker keeps for a client identifier (MQTT 5.0, 4.1).
struct ServerSession: Sendable {
    let clientID: UTF8Key
    /// The connection, while there is one.
    var link: ServerLink?
    /// Seconds it outlives its connection; the largest number is without end.
    var expiry: UInt32
    /// With numbers by which the older can be told from the newer.
    var subscriptions: [TopicFilter: UInt64] = [:]
    private var lastSubscription: UInt64 = 0
    var outbound = OutboundQueue()
    /// QoS 2 messages that were taken and not yet released (MQTT-4.3.3-10).
    var inbound: Set<PacketID> = []
    /// A will whose delay has not passed.
    var pendingWill: Will?
    /// Where in a list of deliveries it stands, if that list has this number.
    var mark: (list: UInt64, place: Int) = (0, 0)

    mutating func noteSubscription(_ filter: TopicFilter) {
        guard self.subscriptions[filter] == nil else { return }
        self.lastSubscription &+= 1
        self.subscriptions[filter] = self.lastSubscription
    }

    /// The filters in the order they were subscribed to: what follows from them is the same at every run.
    var filters: [TopicFilter] { self.subscriptions.sorted { $0.value < $1.value }.map(\.key) }

    init(clientID: UTF8Key, expiry: UInt32) {
        self.clientID = clientID
        self.expiry = expiry
    }

    /// Who has the slot of a session that ended: nobody.
    static let ended = ServerSession(clientID: UTF8Key(""), expiry: 0)
}
