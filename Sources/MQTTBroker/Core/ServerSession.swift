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
    var subscriptions: [TopicFilter: UInt32] = [:]
    var outbound = OutboundQueue()
    /// QoS 2 messages that were taken and not yet released (MQTT-4.3.3-10).
    var inbound: Set<PacketID> = []
    /// A will whose delay has not passed.
    var pendingWill: Will?
    /// Where in a list of deliveries it stands, if that list has this number.
    var mark: (list: UInt64, place: Int) = (0, 0)

    init(clientID: UTF8Key, expiry: UInt32) {
        self.clientID = clientID
        self.expiry = expiry
    }

    /// Who has the slot of a session that ended: nobody.
    static let ended = ServerSession(clientID: UTF8Key(""), expiry: 0)
}
