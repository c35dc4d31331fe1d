// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// Acknowledgements that say nothing but success do what they do as whole packets.
@Suite struct ShortAcknowledgementTests {
    @Test(arguments: OutboundModelTests.variants)
    func `short acknowledgements do what whole packets do`(variant: OutboundModelTests.Variant) {
        var count = 0
        for seed in 1...200 as ClosedRange<UInt64> {
            var twins = Twins(variant: variant, seed: seed)
            for _ in 0..<200 where twins.problem == nil && !twins.isOver { twins.step() }
            #expect(twins.problem == nil, "seed \(seed)")
            count += twins.shortCount
        }
        // With a store every one of them takes the long way.
        #expect(variant.isDurable ? count == 0 : count > 3_000)
    }

    @Test(.sends("5:MQTT-4.6.0-4")) func `a PUBREL never overtakes one that is still an effect`() {
        var harness = EngineHarness.connected()
        for number in 1...3 as ClosedRange<UInt64> { harness.publish(message("a", .exactlyOnce), number) }
        var effects: [Effect] = []
        let first = PacketID.first
        #expect(harness.engine.receivedPubRec(first, now: harness.now, into: &effects))
        #expect(effects == [])
        // Asked for again, which is an effect: what follows has to queue behind it.
        #expect(!harness.engine.receivedPubRec(first, now: harness.now, into: &effects))
        #expect(!harness.engine.receivedPubRec(first.next, now: harness.now, into: &effects))
        #expect(effects == [.send(pubRel(1)), .send(pubRel(2))])
    }

    @Test func `an acknowledgement nobody waits for breaks the protocol as a whole packet does`() {
        var harness = EngineHarness.connected()
        harness.publish(message("a", .exactlyOnce), 1)
        var effects: [Effect] = []
        #expect(harness.engine.receivedPubAck(.first, now: harness.now, into: &effects) == nil)
        #expect(effects.contains(.close))
        #expect(!harness.engine.isConnected)
    }

    @Test func `what waits for room goes out in order, and a QoS 0 message keeps its place`() {
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.receiveMaximum(1)])) {
            $0.offlineAtMostOnce = .queue
        }
        harness.linkLost()
        let frames = [
            message("1", .atLeastOnce), message("2", .atLeastOnce), message("3", .atMostOnce),
            message("4", .atLeastOnce),
        ]
        for (index, frame) in frames.enumerated() { harness.publish(frame, UInt64(index) + 1) }
        #expect(
            harness.redial(ConnAck(sessionPresent: true, properties: [.receiveMaximum(1)])).contains(
                sendPublish(frames[0], 1)
            )
        )
        var effects: [Effect] = []
        #expect(!harness.engine.maySendWaiting)
        #expect(harness.engine.receivedPubAck(.first, now: harness.now, into: &effects) == OperationID(1))
        #expect(harness.engine.maySendWaiting)
        var written: [PublishFrame] = []
        harness.engine.sendWaiting(into: &effects) { frame, _ in written.append(frame) }
        #expect(written == [frames[1]])
        #expect(effects == [])
        #expect(harness.engine.receivedPubAck(.first.next, now: harness.now, into: &effects) == OperationID(2))
        harness.engine.sendWaiting(into: &effects) { frame, _ in written.append(frame) }
        #expect(written == [frames[1]])
        #expect(effects == [.sendUnacknowledged(frames[2]), published(3), sendPublish(frames[3], 3)])
    }
}

/// Two engines with the same life; one gets acknowledgements as packets, the other the short way.
private struct Twins {
    private var long: EngineHarness
    private var short: EngineHarness
    private(set) var problem: String?
    private(set) var isOver = false
    /// Acknowledgements that needed no effect.
    private(set) var shortCount = 0
    private var random: RandomNumbers
    private let version: ProtocolVersion
    private var nextOperation: UInt64 = 1
    private var highestID = 0
    private var ticket: UInt64 = 0

    private struct Outcome: Equatable {
        var publishes: [Effect] = []
        var releases: [Effect] = []
        var completions: [UInt64: Completion] = [:]
        var others: [Effect] = []

        mutating func add(_ effects: [Effect]) {
            for effect in effects {
                switch effect {
                case .sendPublish: self.publishes.append(effect)
                case .send(.pubRel): self.releases.append(effect)
                case .complete(let operation, let completion): self.completions[operation.rawValue] = completion
                default: self.others.append(effect)
                }
            }
        }
    }

    init(variant: OutboundModelTests.Variant, seed: UInt64) {
        self.version = variant.version
        self.random = RandomNumbers(state: seed)
        self.long = EngineHarness.connected(variant.version) { configuration in
            configuration.isDurable = variant.isDurable
            configuration.inFlightWindow = 8
        }
        self.short = self.long
    }

    mutating func step() {
        switch self.random.below(10) {
        case 0..<4: self.publish()
        case 4..<8: self.burst()
        case 8: self.same { $0.persisted(.max / 2) }
        default:
            guard self.random.below(10) == 0 else { return }
            let keeps = self.version != .v31 && self.random.below(2) == 0
            self.same { $0.reconnect(ConnAck(sessionPresent: keeps)) }
            if !keeps { self.highestID = 0 }
        }
        self.compareStates()
    }

    private mutating func publish() {
        let operation = self.nextOperation
        self.nextOperation += 1
        let qos: QoS = self.random.below(2) == 0 ? .atLeastOnce : .exactlyOnce
        let frame = message("t/\(operation)", qos, version: self.version)
        self.same { $0.publish(frame, operation) }
    }

    private mutating func same(_ body: (inout EngineHarness) -> [Effect]) {
        let (one, other) = (body(&self.long), body(&self.short))
        if one != other { self.problem = "the same event had other effects: \(one) and \(other)" }
        self.note(one)
    }

    private mutating func note(_ effects: [Effect]) {
        for case .sendPublish(_, let id, _) in effects { self.highestID = max(self.highestID, Int(id.rawValue)) }
    }

    /// Mostly answers that fit, sometimes to identifiers that are free or wait for something else.
    private mutating func burst() {
        guard self.highestID > 0 else { return }
        var expected = Outcome()
        var came = Outcome()
        var effects: [Effect] = []
        let highest = self.highestID
        for _ in 0...self.random.below(6) {
            let id = PacketID.first.advanced(by: max(0, highest - 1 - self.random.below(10)))
            let packet: Packet
            switch self.long.engine.session.outbound.exchanges.phase(of: id) {
            case .awaitingPubAck: packet = pubAck(id.rawValue)
            case .awaitingPubRec: packet = pubRec(id.rawValue)
            case .awaitingPubComp:
                packet = self.random.below(4) == 0 ? pubRec(id.rawValue) : .pubComp(Acknowledgement(packetID: id))
            default:
                let all = [pubAck(id.rawValue), pubRec(id.rawValue), .pubComp(Acknowledgement(packetID: id))]
                packet = all[self.random.below(3)]
            }
            let long = self.long.receive(packet)
            expected.add(long)
            self.note(long)
            self.receiveShort(packet, &came, &effects)
        }
        came.add(effects)
        effects = []
        self.short.engine.sendWaiting(into: &effects) { frame, id in
            came.publishes.append(.sendPublish(frame, packetID: id, duplicate: false))
        }
        came.add(effects)
        // What waited when the connection broke was sent by one, and stays with the other.
        self.isOver = expected.others.contains(.close)
        if self.isOver { (expected.publishes, came.publishes) = ([], []) }
        if expected != came { self.problem = "\(expected) was expected, and there came \(came)" }
    }

    private mutating func receiveShort(_ packet: Packet, _ outcome: inout Outcome, _ effects: inout [Effect]) {
        let now = self.short.now
        var ended: OperationID?
        switch packet {
        case .pubAck(let answer): ended = self.short.engine.receivedPubAck(answer.packetID, now: now, into: &effects)
        case .pubComp(let answer): ended = self.short.engine.receivedPubComp(answer.packetID, now: now, into: &effects)
        case .pubRec(let answer):
            guard self.short.engine.receivedPubRec(answer.packetID, now: now, into: &effects) else { return }
            outcome.releases.append(.send(pubRel(answer.packetID.rawValue)))
            self.shortCount += 1
        default: break
        }
        if let ended {
            outcome.completions[ended.rawValue] = .published(.success, Properties())
            self.shortCount += 1
        }
    }

    private mutating func compareStates() {
        guard !self.isOver else { return }
        let (one, other) = (self.long.engine.session.outbound, self.short.engine.session.outbound)
        if one.pendingCount != other.pendingCount {
            self.problem = self.problem ?? "another number of messages is left"
        }
        if one.pendingBytes != other.pendingBytes { self.problem = self.problem ?? "another number of bytes is left" }
        let ids = (one.exchanges.inOrder, other.exchanges.inOrder)
        if ids.0.map(\.id) != ids.1.map(\.id) || ids.0.map(\.exchange.phase) != ids.1.map(\.exchange.phase) {
            self.problem = self.problem ?? "other exchanges are left"
        }
    }
}
