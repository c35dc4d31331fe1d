// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

/// What a session has only while its client is connected; it is thrown away whole when the connection ends.
struct ServerLink: Sendable {
    let connection: ConnectionID
    let version: ProtocolVersion
    let username: String?
    /// What the client takes; nil is any size.
    let maximumPacketSize: Int?
    /// Seconds; 0 is no keep-alive.
    let keepAlive: UInt16
    /// Whether the session had an expiry in CONNECT: only then DISCONNECT may change it (MQTT 5.0, 3.14.2.2.2).
    let mayChangeExpiry: Bool
    let authenticationMethod: String?
    /// Published when the connection ends otherwise than the client wanted.
    var will: Will?
    var isWritable = true
    /// A re-authentication has begun and it is the client's turn.
    var awaitsAuth = false
    var clientAliases: ClientAliases
    var brokerAliases: BrokerAliases
    /// The QoS 2 identifiers this connection has begun, which take places of our receive maximum (MQTT 5.0, 4.9).
    var openInbound: Set<PacketID> = []
    var rate = PublishRate()

    init(_ connecting: Connecting, connection: ConnectionID, limits: BrokerProfile) {
        let connect = connecting.connect
        self.connection = connection
        self.version = connecting.version
        self.username = connect.username
        self.maximumPacketSize = connect.properties.maximumPacketSize.map { Int($0) }
        self.keepAlive = connecting.keepAlive(limits: limits)
        self.mayChangeExpiry = (connect.properties.sessionExpiryInterval ?? 0) > 0
        self.authenticationMethod = connect.properties.authenticationMethod
        self.will = connect.will
        self.clientAliases = ClientAliases(
            maximum: limits.topicAliasMaximum,
            maximumBytes: limits.topicAliasBytes
        )
        let aliases = min(connect.properties.topicAliasMaximum ?? 0, limits.outboundTopicAliases)
        self.brokerAliases = BrokerAliases(maximum: aliases)
    }

    /// One and a half keep-alives (MQTT-3.1.2-22).
    var patience: TimeAmount { .milliseconds(Int64(self.keepAlive) * 1_500) }
}

/// How many messages came within this second.
struct PublishRate: Sendable {
    private var second: NIODeadline?
    private var count = 0

    /// Counts one more; false when that is too many.
    mutating func count(limit: Int, now: NIODeadline) -> Bool {
        if let second = self.second, now - second < .seconds(1) {
            self.count += 1
        } else {
            self.second = now
            self.count = 1
        }
        return self.count <= limit
    }
}
