// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

@testable import MQTTBroker

/// A core on virtual time with connections that are values: packets go in, and what each connection gets is kept for it.
struct CoreHarness {
    var core: BrokerCore
    private(set) var now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private(set) var closed: Set<ConnectionID> = []
    private(set) var paused: Set<ConnectionID> = []
    private(set) var events: [BrokerEvent] = []
    private(set) var asked: [(id: QuestionID, question: BrokerQuestion)] = []
    /// How many effects put one packet on the wire of many.
    private(set) var broadcasts = 0
    private var inboxes: [ConnectionID: [Packet]] = [:]
    private var versions: [ConnectionID: ProtocolVersion] = [:]
    private var lastConnection: UInt64 = 0

    init(questions: BrokerCore.Questions = [], _ change: (inout BrokerProfile) -> Void = { _ in }) {
        var limits = BrokerProfile()
        change(&limits)
        self.core = BrokerCore(limits: limits, questions: questions, seed: 1)
    }

    mutating func open(_ version: ProtocolVersion = .v5) -> ConnectionID {
        self.lastConnection += 1
        let id = ConnectionID(rawValue: self.lastConnection)
        self.versions[id] = version
        self.core.opened(id, now: self.now)
        self.collect()
        return id
    }

    mutating func send(_ packets: Packet..., from id: ConnectionID) {
        for packet in packets {
            self.core.received(packet, from: id, version: self.versions[id] ?? .v5, now: self.now)
        }
        self.collect()
    }

    mutating func sendFault(_ reason: ReasonCode, from id: ConnectionID) {
        self.core.received(DecodingError(reason, "bad"), from: id, now: self.now)
        self.collect()
    }

    mutating func close(_ id: ConnectionID) {
        self.core.closed(id, now: self.now)
        self.collect()
    }

    mutating func answer(_ answer: BrokerAnswer) {
        guard !self.asked.isEmpty else { return }
        self.core.answered(self.asked.removeFirst().id, with: answer, now: self.now)
        self.collect()
    }

    mutating func setWritable(_ isWritable: Bool, _ id: ConnectionID) {
        self.core.writabilityChanged(of: id, to: isWritable, now: self.now)
        self.collect()
    }

    mutating func publish(_ message: Publish) {
        self.core.publish(message, now: self.now)
        self.collect()
    }

    mutating func disconnect(_ clientID: String) -> Bool {
        defer { self.collect() }
        return self.core.disconnect(clientID: clientID, reason: .administrativeAction, now: self.now)
    }

    mutating func stop(forgettingSessions: Bool = false) {
        self.core.stop(forgettingSessions: forgettingSessions, now: self.now)
        self.collect()
    }

    /// Lets time pass, from deadline to deadline as a scheduled task would.
    mutating func advance(_ amount: TimeAmount) {
        let end = self.now + amount
        while let deadline = self.core.nextDeadline, deadline <= end {
            self.now = max(self.now, deadline)
            self.core.timeReached(now: self.now)
            self.collect()
        }
        self.now = end
    }

    /// A new connection that sends bytes, read as the network reads them, and the packets that come back, as bytes.
    mutating func answer(to bytes: [UInt8]) -> (id: ConnectionID, bytes: [[UInt8]]) {
        let id = self.open()
        var decoder = PacketDecoder(version: .v311, role: .server)
        var packets: [Packet] = []
        var failure: DecodingError?
        do throws(DecodingError) { try decoder.decode(ByteBuffer(bytes: bytes), into: &packets) } catch {
            failure = error
        }
        for packet in packets { self.core.received(packet, from: id, version: decoder.version, now: self.now) }
        if let failure { self.core.received(failure, from: id, now: self.now) }
        self.collect()
        let encoder = PacketEncoder(version: decoder.version)
        return (id, self.received(id).compactMap { try? Array(encoder.encode($0).readableBytesView) })
    }

    /// What a connection got since the last look.
    mutating func received(_ id: ConnectionID) -> [Packet] { self.inboxes.removeValue(forKey: id) ?? [] }

    /// What all connections got since the last look.
    mutating func receivedByAll() -> [ConnectionID: [Packet]] {
        defer { self.inboxes = [:] }
        return self.inboxes
    }

    mutating func takeEvents() -> [BrokerEvent] {
        defer { self.events = [] }
        return self.events
    }

    private mutating func collect() {
        for effect in self.core.takeEffects() {
            switch effect {
            case .send(let packet, let id): self.inboxes[id, default: []].append(packet)
            case .sendToMany(let publish, let ids):
                self.broadcasts += 1
                for id in ids { self.inboxes[id, default: []].append(.publish(publish)) }
            case .close(let id): self.closed.insert(id)
            case .read(let id, let reads): if reads { self.paused.remove(id) } else { self.paused.insert(id) }
            case .ask(let id, let question): self.asked.append((id, question))
            case .note(let event): self.events.append(event)
            }
        }
    }
}

extension CoreHarness {
    /// A client that was accepted, and its CONNACK.
    mutating func connecting(
        _ connect: Connect,
        _ version: ProtocolVersion = .v5
    ) -> (id: ConnectionID, connAck: ConnAck?) {
        let id = self.open(version)
        self.send(.connect(connect), from: id)
        guard case .connAck(let connAck) = self.inboxes[id]?.first else { return (id, nil) }
        self.inboxes[id]?.removeFirst()
        return (id, connAck)
    }

    /// A client that was accepted.
    mutating func connect(
        _ clientID: String,
        _ version: ProtocolVersion = .v5,
        clean: Bool = true,
        keepAlive: UInt16 = 0,
        will: Will? = nil,
        _ properties: Properties = []
    ) -> ConnectionID {
        let connect = Connect(
            clientID: clientID,
            cleanStart: clean,
            keepAlive: keepAlive,
            will: will,
            properties: properties
        )
        return self.connecting(connect, version).id
    }

    /// A client whose session outlives its connection.
    mutating func connectForGood(
        _ clientID: String,
        _ version: ProtocolVersion = .v5,
        _ properties: Properties = []
    ) -> ConnectionID {
        var properties = properties
        if version == .v5 { properties.sessionExpiryInterval = .max }
        return self.connect(clientID, version, clean: false, properties)
    }

    /// A subscription that is granted; its SUBACK is taken away, retained messages stay.
    mutating func subscribe(
        _ id: ConnectionID,
        _ filters: String...,
        qos: QoS = .exactlyOnce,
        noLocal: Bool = false,
        retainAsPublished: Bool = false,
        handling: RetainHandling = .sendAlways,
        identifier: UInt32? = nil
    ) {
        let options = SubscriptionOptions(
            qos: qos,
            noLocal: noLocal,
            retainAsPublished: retainAsPublished,
            retainHandling: handling
        )
        let entries = filters.map { Subscribe.Entry(filter: $0, options: options) }
        var properties = Properties()
        properties.subscriptionIdentifier = identifier
        self.send(.subscribe(Subscribe(packetID: PacketID.first, entries: entries, properties: properties)), from: id)
        self.inboxes[id]?.removeAll { if case .subAck = $0 { true } else { false } }
    }

    /// The messages a connection got since the last look.
    mutating func messages(_ id: ConnectionID) -> [Publish] {
        self.received(id).compactMap { if case .publish(let publish) = $0 { publish } else { nil } }
    }

    mutating func payloads(_ id: ConnectionID) -> [String] { self.messages(id).map(\.text) }
}

extension Publish {
    var text: String { String(buffer: self.payload) }

    init(
        _ topic: String,
        _ text: String = "x",
        _ qos: QoS = .atMostOnce,
        id: UInt16? = nil,
        retain: Bool = false,
        duplicate: Bool = false,
        with properties: Properties = []
    ) {
        self.init(
            topic: topic,
            payload: ByteBuffer(string: text),
            qos: qos,
            retain: retain,
            duplicate: duplicate,
            packetID: (id ?? (qos == .atMostOnce ? nil : 1)).flatMap { PacketID($0) },
            properties: properties
        )
    }
}

extension Packet {
    static func message(
        _ topic: String,
        _ text: String = "x",
        _ qos: QoS = .atMostOnce,
        id: UInt16? = nil,
        retain: Bool = false,
        duplicate: Bool = false,
        with properties: Properties = []
    ) -> Packet {
        .publish(Publish(topic, text, qos, id: id, retain: retain, duplicate: duplicate, with: properties))
    }

    static func subscribing(_ filters: String..., id: UInt16 = 1, with properties: Properties = []) -> Packet {
        let entries = filters.map { Subscribe.Entry(filter: $0, options: SubscriptionOptions(qos: .exactlyOnce)) }
        return .subscribe(Subscribe(packetID: PacketID(id) ?? .first, entries: entries, properties: properties))
    }

    static func unsubscribing(_ filters: String..., id: UInt16 = 1) -> Packet {
        .unsubscribe(Unsubscribe(packetID: PacketID(id) ?? .first, filters: filters))
    }

    /// The reason of a packet that has one.
    var reason: ReasonCode? {
        switch self {
        case .connAck(let packet): packet.reason
        case .pubAck(let packet), .pubRec(let packet), .pubRel(let packet), .pubComp(let packet): packet.reason
        case .disconnect(let packet): packet.reason
        case .auth(let packet): packet.reason
        default: nil
        }
    }

    var isDisconnect: Bool { if case .disconnect = self { true } else { false } }
}

extension Acknowledgement {
    init(_ id: UInt16, _ reason: ReasonCode = .success) {
        self.init(packetID: PacketID(id) ?? .first, reason: reason)
    }
}
