// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import MQTTWire
import NIOCore

/// A connection a listener accepted, before and after its CONNECT.
struct ServerConnection: Sendable {
    enum Phase: Sendable {
        case expectsConnect
        /// A CONNECT came; the user's code or the client has to say more before it is accepted.
        case connecting(Connecting, awaitsAuth: Bool)
        /// The slot of its session.
        case connected(Int)
    }

    /// Something that came and waits for an answer of the user's code to an earlier packet.
    enum Arrival: Sendable {
        case packet(Packet, ProtocolVersion)
        case fault(DecodingError)
    }

    var phase = Phase.expectsConnect
    var lastHeard: NIODeadline
    /// nil before CONNECT.
    var version: ProtocolVersion?
    /// What the client takes; nil is any size.
    var maximumPacketSize: Int?
    var question: PendingQuestion?
    var waiting: Deque<Arrival> = []
    var isPaused = false
    /// The socket is closed; what came before that is still worked through.
    var isGone = false

    init(now: NIODeadline) { self.lastHeard = now }

    var slot: Int? {
        guard case .connected(let slot) = self.phase else { return nil }
        return slot
    }
}

/// A CONNECT that has passed the checks of the standard.
struct Connecting: Sendable {
    /// With the identifier the broker assigned, if it did.
    var connect: Connect
    let version: ProtocolVersion
    let isAssigned: Bool
    /// The last word of an enhanced authentication, for CONNACK.
    var authenticationData: ByteBuffer?

    /// The keep-alive that holds, in seconds.
    func keepAlive(limits: BrokerProfile) -> UInt16 {
        guard let cap = limits.keepAliveCap, cap > 0 else { return self.connect.keepAlive }
        return self.connect.keepAlive == 0 ? cap : min(self.connect.keepAlive, cap)
    }

    /// How long the session outlives the connection, as asked: before 5.0 for ever or not at all (MQTT 3.1.1, 3.1.2.4).
    var askedExpiry: UInt32 {
        guard self.version.hasProperties else { return self.connect.cleanStart ? 0 : .max }
        return self.connect.properties.sessionExpiryInterval ?? 0
    }
}

/// A question to the user's code and what is to be done with the answer.
struct PendingQuestion: Sendable {
    enum Purpose: Sendable {
        case authenticate(Connecting)
        case exchange(Connecting)
        case will(Connecting)
        case publish(Publish)
        case subscribe(PendingSubscribe)
        case reauthenticate
    }

    let id: QuestionID
    let purpose: Purpose
}

/// A SUBSCRIBE some of whose filters have been decided on.
struct PendingSubscribe: Sendable {
    let packet: Subscribe
    var reasons: [ReasonCode] = []
    /// What was granted, for the retained messages after SUBACK.
    var granted: [(filter: TopicFilter, subscriber: Subscriber, handling: RetainHandling, isNew: Bool)] = []

    init(_ packet: Subscribe) { self.packet = packet }
}
