// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

/// The broker without sockets, clocks and threads: packets, time and answers go in, effects come out.
///
/// One event loop owns it. It holds all sessions, subscriptions, retained messages and wills.
struct BrokerCore: Sendable {
    let limits: BrokerProfile
    /// What the user's code is asked; without it everybody may do everything.
    let questions: Questions

    struct Questions: OptionSet, Sendable {
        let rawValue: Int
        static let authenticate = Questions(rawValue: 1)
        static let authorize = Questions(rawValue: 2)
        static let exchange = Questions(rawValue: 4)
    }

    private var effects: [BrokerEffect] = []
    var connections: [ConnectionID: ServerConnection] = [:]
    /// By their slots, which are used again.
    var sessions: [ServerSession] = []
    var freeSlots: [Int] = []
    var slots: [UTF8Key: Int] = [:]
    var subscriptions = SubscriptionTable()
    var retained = RetainedMessages()
    var alarms = Deadlines<BrokerAlarm>()
    var askers: [QuestionID: ConnectionID] = [:]
    var lastQuestion: UInt64 = 0
    var lastList: UInt64 = 0
    var statistics = BrokerStatistics()
    private var random: UInt64

    /// The seed is what assigned client identifiers are made of.
    init(limits: BrokerProfile = BrokerProfile(), questions: Questions = [], seed: UInt64 = 0) {
        self.limits = limits
        self.questions = questions
        self.random = seed
    }

    /// When ``timeReached(now:)`` is due.
    var nextDeadline: NIODeadline? { self.alarms.next }

    /// A listener accepted a connection.
    mutating func opened(_ connection: ConnectionID, now: NIODeadline) {
        self.statistics.begin(now: now)
        self.connections[connection] = ServerConnection(now: now)
        if self.limits.connectTimeout > 0 {
            self.alarms.set(.connect(connection), at: now + .seconds(Int64(self.limits.connectTimeout)))
        }
    }

    /// A packet came; the decoder has left topic aliases as they were.
    mutating func received(_ packet: Packet, from connection: ConnectionID, version: ProtocolVersion, now: NIODeadline)
    {
        guard let index = self.connections.index(forKey: connection) else { return }
        self.statistics.received += 1
        self.connections.values[index].lastHeard = now
        guard self.connections.values[index].question == nil else {
            self.connections.values[index].waiting.append(.packet(packet, version))
            return
        }
        self.handle(packet, from: connection, version: version, now: now)
    }

    /// What came was no packet.
    mutating func received(_ error: DecodingError, from connection: ConnectionID, now: NIODeadline) {
        guard let index = self.connections.index(forKey: connection) else { return }
        guard self.connections.values[index].question == nil else {
            self.connections.values[index].waiting.append(.fault(error))
            return
        }
        self.fail(connection, error.reason, error.message, now: now)
    }

    /// The socket takes more, or no more for now.
    mutating func writabilityChanged(of connection: ConnectionID, to isWritable: Bool, now: NIODeadline) {
        guard let slot = self.connections[connection]?.slot else { return }
        guard self.connections[connection]?.isGone == false else { return }
        self.sessions[slot].link?.isWritable = isWritable
        if isWritable { self.drain(slot, now: now) }
    }

    /// The connection is gone.
    mutating func closed(_ connection: ConnectionID, now: NIODeadline) {
        guard let state = self.connections[connection] else { return }
        guard let slot = state.slot else { return self.forget(connection) }
        guard state.question == nil else {
            // What came before the end counts, such as the DISCONNECT that keeps the will back.
            self.connections[connection]?.isGone = true
            self.sessions[slot].link?.isWritable = false
            return
        }
        self.end(connection, .unspecifiedError, "The connection was closed without DISCONNECT", now: now)
    }

    /// What is to be done since the last call, in order.
    mutating func takeEffects() -> [BrokerEffect] {
        defer { self.effects = [] }
        return self.effects
    }
}

extension BrokerCore {
    mutating func append(_ effect: BrokerEffect) { self.effects.append(effect) }

    mutating func note(_ event: BrokerEvent) { self.effects.append(.note(event)) }

    /// Puts a packet on the wire of a connection that is still there.
    ///
    /// What is too large for the client goes without its reason and user properties, or not at all (MQTT-3.1.2-24).
    mutating func send(_ packet: Packet, to connection: ConnectionID) {
        guard let state = self.connections[connection], !state.isGone else { return }
        var packet = packet
        if let version = state.version, let maximum = state.maximumPacketSize {
            let encoder = PacketEncoder(version: version)
            if !encoder.fits(packet, maximum) { packet.removeWords() }
            guard encoder.fits(packet, maximum) else { return self.giveUp(connection) }
        }
        self.statistics.sent += 1
        self.effects.append(.send(packet, to: connection))
    }

    /// The client takes no packets of the size of an answer it is owed: there is no way to go on.
    private mutating func giveUp(_ connection: ConnectionID) {
        self.effects.append(.close(connection))
        guard let slot = self.connections[connection]?.slot else { return self.forget(connection) }
        self.connections[connection]?.isGone = true
        self.sessions[slot].link?.isWritable = false
        self.alarms.set(.giveUp(connection), at: .uptimeNanoseconds(0))
    }

    /// Puts a PUBLISH, whose size was looked at, on the wire.
    mutating func sendMessage(_ publish: Publish, to connection: ConnectionID) {
        self.statistics.sent += 1
        self.effects.append(.send(.publish(publish), to: connection))
    }

    /// The next of a sequence of numbers that the seed determines (SplitMix64).
    mutating func nextRandom() -> UInt64 {
        self.random &+= 0x9E37_79B9_7F4A_7C15
        var value = self.random
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

extension PacketEncoder {
    /// Whether a packet can be encoded and is not larger than its receiver takes.
    func fits(_ packet: Packet, _ maximum: Int) -> Bool {
        guard let size = try? self.encodedSize(of: packet) else { return false }
        return size <= maximum
    }
}

extension Packet {
    /// Takes out what is for people, so that the packet becomes as small as it can be.
    fileprivate mutating func removeWords() {
        switch self {
        case .connAck(var packet):
            packet.properties.reasonString = nil
            self = .connAck(packet)
        case .disconnect(var packet):
            packet.properties.reasonString = nil
            self = .disconnect(packet)
        default: break
        }
    }
}
