// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@testable import MQTTBroker

/// Numbers that a seed determines (SplitMix64).
private struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

/// Clients that send anything at all, in any order.
private struct RandomClients {
    var numbers: SeededNumbers
    var harness: CoreHarness
    var open: [ConnectionID: ProtocolVersion] = [:]
    /// All there ever were.
    var known: [ConnectionID: ProtocolVersion] = [:]
    /// The largest packet each client takes, by its CONNECT.
    var sizes: [ConnectionID: Int] = [:]
    /// Whether packets go through a decoder; else also what no decoder lets through comes to the core.
    var isDecoded = true

    static let topics = ["a", "a/b", "a/b/c", "", "#", "+/b", "$SYS/x", "$own", "é", "e\u{301}", "/", "//", "a\0"]
    static let filters =
        topics + ["a/#", "+", "a/+/c", "$share/g/a", "$share/g/#", "$share/h/a/b", "$share/x", "$SYS/#", "b#"]

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self.numbers) < percent }

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &self.numbers)]
    }

    mutating func packetID() -> PacketID {
        PacketID(self.pick([1, 2, 3, 4, 5, 65_535])) ?? .first
    }

    mutating func number() -> UInt32 { self.pick([0, 1, 2, 5, 60, 100_000, .max - 1, .max]) }

    mutating func payload() -> ByteBuffer {
        ByteBuffer(repeating: 0x78, count: self.pick([0, 1, 10, 300]))
    }

    mutating func properties() -> Properties {
        var properties = Properties()
        guard self.chance(60) else { return properties }
        let all: [Property] = [
            .messageExpiryInterval(self.number()), .topicAlias(UInt16(clamping: self.number())),
            .sessionExpiryInterval(self.number()), .receiveMaximum(UInt16(clamping: self.number())),
            .maximumPacketSize(self.pick([0, 1, 4, 10, 50, .max])), .topicAliasMaximum(UInt16(clamping: self.number())),
            .subscriptionIdentifier(self.number()), .willDelayInterval(self.number()),
            .authenticationMethod(self.pick(["m", "n"])), .authenticationData(self.payload()),
            .userProperty(name: "a", value: "b"), .payloadFormatIndicator(.utf8), .reasonString("r"),
        ]
        for _ in 0..<Int.random(in: 1...3, using: &self.numbers) { properties.append(self.pick(all)) }
        return properties
    }

    mutating func connect() -> Packet {
        var connect = Connect(
            clientID: self.pick(["", "a", "b", "c", "d"]),
            cleanStart: self.chance(30),
            keepAlive: self.pick([0, 1, 10, .max])
        )
        connect.properties = self.chance(50) ? self.properties() : []
        if self.chance(50) {
            let topic = self.pick(Self.topics)
            var will = Will(
                topic: topic,
                payload: self.payload(),
                qos: self.pick(QoS.allCases),
                retain: self.chance(50)
            )
            will.properties = self.properties()
            connect.will = will
        }
        return .connect(connect)
    }

    mutating func acknowledgement() -> Acknowledgement {
        let reason = self.pick([ReasonCode.success, .success, .unspecifiedError, ReasonCode(rawValue: 0x42)])
        return Acknowledgement(packetID: self.packetID(), reason: reason)
    }

    mutating func packet() -> Packet {
        switch Int.random(in: 0..<18, using: &self.numbers) {
        case 0: return self.connect()
        case 1, 2, 3, 4, 5:
            let qos = self.pick(QoS.allCases)
            return .publish(
                Publish(
                    topic: self.pick(Self.topics),
                    payload: self.payload(),
                    qos: qos,
                    retain: self.chance(40),
                    duplicate: self.chance(20),
                    packetID: (qos == .atMostOnce) == self.chance(99) ? nil : self.packetID(),
                    properties: self.properties()
                )
            )
        case 6, 7: return .pubAck(self.acknowledgement())
        case 8: return .pubRec(self.acknowledgement())
        case 9: return .pubRel(self.acknowledgement())
        case 10: return .pubComp(self.acknowledgement())
        case 11, 12, 13: return self.subscribe()
        case 14: return .unsubscribe(Unsubscribe(packetID: self.packetID(), filters: [self.pick(Self.filters)]))
        case 15: return .pingRequest
        case 16:
            let reason = self.pick([ReasonCode.normalDisconnection, .disconnectWithWill, .unspecifiedError])
            return self.chance(30)
                ? .disconnect(Disconnect(reason: reason, properties: self.properties())) : .pingRequest
        default:
            let reason = self.pick([ReasonCode.continueAuthentication, .reauthenticate, .success])
            return self.chance(30) ? .auth(Auth(reason: reason, properties: self.properties())) : .pingRequest
        }
    }

    mutating func subscribe() -> Packet {
        var entries: [Subscribe.Entry] = []
        for _ in 0..<Int.random(in: 0...3, using: &self.numbers) {
            let options = SubscriptionOptions(
                qos: self.pick(QoS.allCases),
                noLocal: self.chance(20),
                retainAsPublished: self.chance(20),
                retainHandling: self.pick([.sendAlways, .sendIfNew, .doNotSend])
            )
            entries.append(Subscribe.Entry(filter: self.pick(Self.filters), options: options))
        }
        return .subscribe(Subscribe(packetID: self.packetID(), entries: entries, properties: self.properties()))
    }

    /// Sends a packet as it is, or only what a decoder lets through.
    mutating func send(_ packet: Packet, from id: ConnectionID) {
        guard self.isDecoded else { return self.harness.send(packet, from: id) }
        let version = self.open[id] ?? .v5
        guard let bytes = try? PacketEncoder(version: version).encode(packet) else { return }
        var decoder = PacketDecoder(version: version, role: .server)
        var packets: [Packet] = []
        try? decoder.decode(bytes, into: &packets)
        for packet in packets {
            if case .connect(let connect) = packet, self.sizes[id] == nil {
                self.sizes[id] = connect.properties.maximumPacketSize.map { Int($0) } ?? .max
            }
            self.harness.send(packet, from: id)
        }
    }

    mutating func step() {
        let open = self.open.keys.sorted { $0.rawValue < $1.rawValue }
        switch Int.random(in: 0..<30, using: &self.numbers) {
        case 0 where open.count < 8, 1 where open.count < 8:
            let version = self.pick(ProtocolVersion.allCases)
            let id = self.harness.open(version)
            self.open[id] = version
            self.known[id] = version
            self.send(self.connect(), from: id)
        case 2: if !open.isEmpty { self.harness.close(self.pick(open)) }
        case 3: if !open.isEmpty { self.harness.setWritable(self.chance(50), self.pick(open)) }
        case 4: self.harness.advance(.milliseconds(self.pick([1, 500, 5_000, 100_000])))
        case 5:
            if !open.isEmpty {
                self.harness.sendFault(self.pick([.malformedPacket, .packetTooLarge]), from: self.pick(open))
            }
        case 6, 7, 8, 9:
            let answers: [BrokerAnswer] = [
                .decided(.success), .decided(.success), .decided(.notAuthorized), .proceed(nil), .done(nil),
                .decided(ReasonCode(rawValue: 0x42)),
            ]
            self.harness.answer(self.pick(answers))
        case 10: if self.chance(1) { self.harness.stop(forgettingSessions: self.chance(50)) }
        default:
            guard !open.isEmpty else { return }
            let packets = (0..<3).map { _ in self.packet() }
            let id = self.pick(open)
            for packet in packets { self.send(packet, from: id) }
        }
        for id in self.harness.closed { self.open[id] = nil }
    }
}

/// What a server may send on one connection, and in which order.
private struct History {
    private var isAccepted = false
    /// The last packet was said.
    private(set) var isOver = false

    mutating func add(_ packet: Packet) {
        #expect(!self.isOver, "\(packet) came after the last packet")
        switch packet {
        case .connAck(let packet):
            #expect(!self.isAccepted)
            self.isAccepted = packet.reason == .success
            self.isOver = packet.reason != .success
            #expect(self.isAccepted || !packet.sessionPresent)
        case .auth: break
        case .disconnect(let packet):
            #expect(self.isAccepted)
            #expect(packet.properties.sessionExpiryInterval == nil)
            self.isOver = true
        default: #expect(self.isAccepted, "\(packet) came before CONNACK")
        }
    }
}

@Suite struct CorePropertyTests {
    private static let limits: @Sendable (inout BrokerProfile) -> Void = {
        $0.queuedMessages = 5
        $0.queuedBytes = 2_000
        $0.retainedMessages = 4
        $0.retainedBytes = 3_000
        $0.receiveMaximum = 3
        $0.inFlightMaximum = 4
        $0.topicAliasMaximum = 3
        $0.sessions = 6
        $0.subscriptionsPerSession = 10
        $0.sessionExpiryCap = 100_000
    }

    @Test(
        .serves(
            "5:MQTT-3.1.2-24",
            "5:MQTT-3.11.2-1",
            "5:MQTT-3.11.2-2",
            "5:MQTT-3.11.3-2",
            "5:MQTT-3.14.0-1",
            "5:MQTT-3.14.2-1",
            "5:MQTT-3.14.2-2",
            "5:MQTT-3.14.2-4",
            "5:MQTT-3.14.4-1",
            "5:MQTT-3.14.4-2",
            "5:MQTT-3.15.2-1",
            "5:MQTT-3.15.2-2",
            "5:MQTT-3.15.2-3",
            "5:MQTT-3.2.0-1",
            "5:MQTT-3.2.0-2",
            "5:MQTT-3.2.2-20",
            "5:MQTT-3.2.2-6",
            "5:MQTT-3.2.2-7",
            "5:MQTT-3.2.2-8",
            "5:MQTT-3.4.2-1",
            "5:MQTT-3.4.2-2",
            "5:MQTT-3.4.2-3",
            "5:MQTT-3.5.2-1",
            "5:MQTT-3.5.2-2",
            "5:MQTT-3.5.2-3",
            "5:MQTT-3.6.2-1",
            "5:MQTT-3.6.2-2",
            "5:MQTT-3.6.2-3",
            "5:MQTT-3.7.2-1",
            "5:MQTT-3.7.2-2",
            "5:MQTT-3.7.2-3",
            "5:MQTT-3.9.2-1",
            "5:MQTT-3.9.2-2",
            "5:MQTT-3.9.3-2",
            "5:MQTT-4.13.2-1",
            "3.1.1:MQTT-3.2.0-1",
            "3.1.1:MQTT-3.2.2-4"
        ),
        arguments: 0..<20
    )
    func `whatever clients send, nothing traps and nothing grows beyond its bounds`(seed: UInt64) {
        let questions: BrokerCore.Questions = seed % 2 == 0 ? [] : [.authenticate, .authorize, .exchange]
        let harness = CoreHarness(questions: questions, Self.limits)
        var clients = RandomClients(numbers: SeededNumbers(state: seed), harness: harness)
        clients.isDecoded = seed % 4 < 2
        var accepted = 0
        var histories: [ConnectionID: History] = [:]
        for _ in 0..<3_000 {
            clients.step()
            self.check(clients.harness)
            accepted += clients.harness.takeEvents().count { if case .connected = $0 { true } else { false } }
            for (id, packets) in clients.harness.receivedByAll() where clients.isDecoded {
                self.check(packets, clients.known[id] ?? .v5, clients.sizes[id] ?? .max)
                for packet in packets { histories[id, default: History()].add(packet) }
                if histories[id]?.isOver == true { #expect(clients.harness.closed.contains(id)) }
            }
        }
        #expect(accepted > 5)
        clients.harness.stop(forgettingSessions: true)
        #expect(clients.harness.core.connections.isEmpty)
        #expect(clients.harness.core.askers.isEmpty)
        #expect(clients.harness.core.nextDeadline == nil)
    }

    private func check(_ harness: CoreHarness) {
        let core = harness.core
        #expect(core.slots.count <= 6)
        #expect(core.retained.count <= 4 + 8)
        #expect(core.connections.count <= 8)
        #expect(core.alarms.count <= 3 * core.connections.count + 2 * core.slots.count + core.retained.count + 1)
        #expect(core.askers.count <= core.connections.count)
        #expect(core.subscriptions.count == core.slots.values.reduce(0) { $0 + core.sessions[$1].subscriptions.count })
        #expect(core.sessions.count == core.slots.count + core.freeSlots.count)
        #expect(core.statistics.connected == core.connections.values.count { $0.slot != nil })
        for slot in core.slots.values {
            let session = core.sessions[slot]
            #expect(session.outbound.waitingCount <= 6)
            #expect(session.outbound.bytes <= 2_000)
            #expect(session.subscriptions.count <= 10)
            #expect(session.outbound.waitingQoS0 <= (session.link == nil ? 0 : session.outbound.waitingCount))
            #expect((session.link?.openInbound.count ?? 0) <= (session.link?.version == .v5 ? 3 : 65_535))
            #expect(
                session.link == nil || core.connections[session.link?.connection ?? ConnectionID(rawValue: 0)] != nil
            )
            #expect(session.link != nil || session.expiry > 0)
        }
        for index in core.freeSlots { #expect(core.sessions[index].link == nil) }
    }

    /// Everything that is sent can be encoded for its receiver, and is no larger than it takes.
    private func check(_ packets: [Packet], _ version: ProtocolVersion, _ maximum: Int) {
        for packet in packets {
            #expect(throws: Never.self) { try PacketEncoder(version: version).encodedSize(of: packet) }
            let fits = PacketEncoder(version: version).fits(packet, maximum)
            #expect(fits, "\(packet) is larger than \(maximum) bytes")
        }
    }
}

@Suite struct DeadlinesTests {
    @Test(arguments: 0..<10)
    func `deadlines come out in order, whatever was moved and removed`(seed: UInt64) {
        var numbers = SeededNumbers(state: seed)
        var deadlines = Deadlines<Int>()
        var model: [Int: UInt64] = [:]
        for _ in 0..<500 {
            let key = Int.random(in: 0..<50, using: &numbers)
            if Int.random(in: 0..<4, using: &numbers) == 0 {
                deadlines.remove(key)
                model[key] = nil
            } else {
                let time = UInt64.random(in: 0..<1_000, using: &numbers)
                deadlines.set(key, at: .uptimeNanoseconds(time))
                model[key] = time
            }
            #expect(deadlines.next == model.values.min().map { .uptimeNanoseconds($0) })
            #expect(deadlines.count == model.count)
        }
        var last: UInt64 = 0
        while let key = deadlines.takeDue(now: .uptimeNanoseconds(1_000)) {
            let time = model.removeValue(forKey: key) ?? 0
            #expect(time >= last)
            last = time
        }
        #expect(model.isEmpty)
    }
}
