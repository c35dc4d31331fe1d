// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Testing

/// Random events against a server that keeps the rules; what must always hold is checked after each.
@Suite struct OutboundModelTests {
    struct Variant: Sendable, CustomTestStringConvertible {
        var version: ProtocolVersion
        var isDurable: Bool
        var testDescription: String { "\(self.version)\(self.isDurable ? " with a store" : "")" }
    }

    static let variants = ProtocolVersion.allCases.flatMap { version in
        [false, true].map { Variant(version: version, isDurable: $0) }
    }

    @Test(arguments: OutboundModelTests.variants)
    func `every call ends once, no identifier is used twice, order and window hold`(variant: Variant) {
        var sent = 0
        for seed in 1...150 as ClosedRange<UInt64> {
            var run = OutboundModel(variant: variant, seed: seed)
            for _ in 0..<300 where run.problems.isEmpty { run.step() }
            run.finish()
            #expect(run.problems == [], "seed \(seed)")
            sent += run.sentCount
        }
        #expect(sent > 5_000, "next to nothing was published")
    }
}

private struct OutboundModel {
    var harness: EngineHarness
    var problems: [String] = []
    var sentCount = 0
    private var random: RandomNumbers
    private let version: ProtocolVersion
    private let isDurable: Bool

    /// Operations that were asked for and have not ended.
    private var open: Set<UInt64> = []
    private var nextOperation: UInt64 = 1
    /// What the server of this connection has not answered, by identifier: the packets it may answer with.
    private var due: [UInt16: Packet] = [:]
    private var quotaUsed: Set<UInt16> = []
    private var quota = 0
    /// The last message of each topic that was transmitted for the first time.
    private var latest: [String: UInt64] = [:]
    private var isUp = false
    private var lastTicket: UInt64 = 0
    private var confirmedTicket: UInt64 = 0

    init(variant: OutboundModelTests.Variant, seed: UInt64) {
        self.version = variant.version
        self.isDurable = variant.isDurable
        self.random = RandomNumbers(state: seed)
        self.harness = EngineHarness(variant.version, seed: seed) { configuration in
            configuration.cleanStart = .never
            configuration.unexpectedSession = .adopt
            configuration.sessionExpiry = .max
            configuration.isDurable = variant.isDurable
            configuration.pendingLimit = 50
            configuration.retriesFirstAttempt = true
        }
        self.harness.startConnecting()
    }

    mutating func step() {
        switch self.random.below(20) {
        case 0..<9: self.publish()
        case 9..<14: self.answer()
        case 14..<17: self.storeAnswers()
        case 17: self.isUp ? self.cut() : self.comeUp(keepsSession: true)
        case 18: if !self.isUp { self.comeUp(keepsSession: self.random.below(4) > 0) }
        default:
            if self.random.below(8) == 0 { self.disconnect() } else if !self.isUp { self.comeUp(keepsSession: true) }
        }
    }

    /// The server answers everything, the store too: nothing may be left.
    mutating func finish() {
        guard self.problems.isEmpty else { return }
        if !self.isUp { self.comeUp(keepsSession: true) }
        for _ in 0..<2_000 where !self.due.isEmpty || self.confirmedTicket < self.lastTicket {
            self.apply(self.harness.persisted(self.lastTicket))
            self.confirmedTicket = self.lastTicket
            self.answer()
        }
        if !self.open.isEmpty { self.problems.append("calls that never ended: \(self.open.sorted())") }
        let outbound = self.harness.engine.session.outbound
        if outbound.pendingCount != 0 { self.problems.append("\(outbound.pendingCount) messages are left") }
        if outbound.pendingBytes != 0 { self.problems.append("\(outbound.pendingBytes) bytes are left") }
    }

    private mutating func publish() {
        let operation = self.nextOperation
        self.nextOperation += 1
        self.open.insert(operation)
        let qos: QoS = self.random.below(2) == 0 ? .atLeastOnce : .exactlyOnce
        let frame = message("\(self.random.below(3))/\(operation)", qos, version: self.version)
        self.apply(self.harness.publish(frame, operation))
    }

    /// The server answers one of the messages it has, in any order, sometimes twice.
    private mutating func answer() {
        guard self.isUp, let id = self.due.keys.sorted().randomElement(using: &self.random) else { return }
        guard let packet = self.due.removeValue(forKey: id) else { return }
        switch packet {
        case .pubAck, .pubComp: self.quotaUsed.remove(id)
        default: break
        }
        self.apply(self.harness.receive(packet))
        if self.random.below(10) == 0, case .pubAck = packet, self.due[id] == nil {
            self.apply(self.harness.receive(packet))
        }
    }

    private mutating func storeAnswers() {
        guard self.confirmedTicket < self.lastTicket else { return }
        let ticket = self.confirmedTicket + 1 + UInt64(self.random.below(Int(self.lastTicket - self.confirmedTicket)))
        self.confirmedTicket = ticket
        if self.random.below(6) == 0 {
            self.apply(self.harness.persistFailed(ticket))
        } else {
            self.apply(self.harness.persisted(ticket))
        }
    }

    private mutating func cut() {
        self.isUp = false
        self.apply(self.harness.linkLost())
    }

    private mutating func disconnect() {
        self.isUp = false
        self.apply(self.harness.disconnect())
        if !self.open.isEmpty { self.problems.append("calls outlived disconnect: \(self.open.sorted())") }
        self.apply(self.harness.startConnecting())
    }

    private mutating func comeUp(keepsSession: Bool) {
        // What the server owed on the old connection is owed no more.
        self.due = [:]
        self.quotaUsed = []
        if let due = self.harness.engine.nextDeadline { self.harness.now = due }
        self.apply(self.harness.deadlineReached())
        self.apply(self.harness.linkUp())
        self.isUp = true
        self.quota = self.version == .v5 ? 1 + self.random.below(8) : 100
        let properties: Properties = self.version == .v5 ? [.receiveMaximum(UInt16(self.quota))] : []
        let sessionPresent = keepsSession && self.version != .v31
        self.apply(self.harness.receive(.connAck(ConnAck(sessionPresent: sessionPresent, properties: properties))))
    }

    private mutating func apply(_ effects: [Effect]) {
        var isClosed = false
        for effect in effects {
            switch effect {
            case .sendPublish(let frame, let packetID, let duplicate):
                if isClosed || !self.isUp { self.problems.append("sent on a closed link") }
                self.sent(frame, packetID.rawValue, duplicate: duplicate)
            case .send(.pubRel(let packet)):
                if isClosed || !self.isUp { self.problems.append("sent on a closed link") }
                self.due[packet.packetID.rawValue] = .pubComp(Acknowledgement(packetID: packet.packetID))
            case .complete(let operation, .failed(let failure)) where failure.kind == .queueFull:
                self.end(operation.rawValue)
            case .complete(let operation, _) where operation.rawValue != 0:
                self.end(operation.rawValue)
            case .persist(_, let ticket):
                if ticket.rawValue != self.lastTicket + 1 { self.problems.append("a ticket out of order") }
                self.lastTicket = ticket.rawValue
            case .close:
                isClosed = true
                self.isUp = false
            default:
                break
            }
        }
    }

    private mutating func sent(_ frame: PublishFrame, _ id: UInt16, duplicate: Bool) {
        self.sentCount += 1
        if self.due[id] != nil { self.problems.append("identifier \(id) is in use") }
        let packetID = PacketID.first.advanced(by: Int(id) - 1)
        let answer = Acknowledgement(packetID: packetID)
        self.due[id] = frame.message.qos == .atLeastOnce ? .pubAck(answer) : .pubRec(answer)
        self.quotaUsed.insert(id)
        if self.quotaUsed.count > self.quota {
            self.problems.append("\(self.quotaUsed.count) in flight, \(self.quota) allowed")
        }
        let parts = frame.message.topic.split(separator: "/")
        guard let number = UInt64(parts[1]) else { return }
        let topic = String(parts[0])
        if !duplicate, self.firsts.insert(number).inserted {
            if number < self.latest[topic] ?? 0 { self.problems.append("message \(number) came late") }
            self.latest[topic] = number
        }
    }

    private var firsts: Set<UInt64> = []

    private mutating func end(_ operation: UInt64) {
        if self.open.remove(operation) == nil { self.problems.append("call \(operation) ended twice") }
    }
}

/// Numbers that follow from the seed alone (an xorshift).
struct RandomNumbers: RandomNumberGenerator {
    var state: UInt64

    init(state: UInt64) { self.state = state &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        self.state ^= self.state << 13
        self.state ^= self.state >> 7
        self.state ^= self.state << 17
        return self.state
    }

    mutating func below(_ bound: Int) -> Int { Int(self.next() >> 33) % max(bound, 1) }
}
