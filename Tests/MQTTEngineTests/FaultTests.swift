// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Testing

/// Rows of the table of faults that concern the session; other suites have more of them, named alike.
@Suite struct FaultTests {
    private let one = message("one", .atLeastOnce)
    private let two = message("two", .exactlyOnce)

    @Test(arguments: ProtocolVersion.allCases, 1...4)
    func `fault 10: a lost PUBACK makes the message go again under its identifier, and the call ends once`(
        version: ProtocolVersion,
        losses: Int
    ) {
        var harness = EngineHarness.connected(version)
        #expect(harness.publish(self.one, 1) == [sendPublish(self.one, 1)])
        for _ in 0..<losses {
            let effects = harness.reconnect()
            #expect(effects.sent == [sendPublish(self.one, 1, duplicate: true)])
            #expect(effects.completions.filter { $0 == published(1) } == [])
        }
        #expect(harness.receive(pubAck(1)) == [published(1)])
        #expect(harness.receive(pubAck(1)) == [])
        #expect(harness.reconnect().sent == [])
    }

    @Test(arguments: ProtocolVersion.allCases, 1...4)
    func `fault 10: a lost PUBREC brings PUBLISH again, a lost PUBCOMP only PUBREL`(
        version: ProtocolVersion,
        losses: Int
    ) {
        var harness = EngineHarness.connected(version)
        #expect(harness.publish(self.two, 1) == [sendPublish(self.two, 1)])
        for _ in 0..<losses { #expect(harness.reconnect().sent == [sendPublish(self.two, 1, duplicate: true)]) }
        #expect(harness.receive(pubRec(1)) == [.send(pubRel(1))])
        for _ in 0..<losses { #expect(harness.reconnect().sent == [.send(pubRel(1))]) }
        #expect(harness.receive(pubComp(1)) == [published(1)])
        #expect(harness.receive(pubComp(1)) == [])
        #expect(harness.engine.session.outbound.exchanges.isEmpty)
    }

    @Test(arguments: [1, 2] as [UInt16])
    func `fault 10: a lost SUBACK or UNSUBACK is asked for again`(identifier: UInt16) {
        var harness = EngineHarness.connected()
        #expect(harness.subscribe(.to(["a"]), 1) == [sendSubscribe(1, ["a"])])
        #expect(harness.reconnect().sent == [sendSubscribe(2, ["a"])])
        #expect(harness.receive(subAck(2, .grantedQoS2)).completions.count == 1)
        #expect(harness.unsubscribe(1, 2) == [sendUnsubscribe(3, ["a"])])
        let effects = harness.reconnect()
        #expect(effects.sent == [sendUnsubscribe(4, ["a"])])
        harness.receive(unsubAck(4, .success))
        #expect(harness.engine.session.outbound.exchanges.isEmpty)
        #expect(harness.reconnect().sent == [])
    }

    @Test func `fault 12: with every identifier in flight a request waits, and the session resumes with all of them`() {
        var harness = EngineHarness.connected(connAck: ConnAck(sessionPresent: false))
        for number in 1...65_535 as ClosedRange<UInt64> { harness.publish(self.one, number) }
        #expect(harness.engine.session.outbound.exchanges.count == 65_535)
        #expect(harness.subscribe(.to(["a"]), 70_000) == [])
        #expect(harness.publish(self.one, 70_001).failure(of: 70_001)?.kind == .queueFull)
        let resent = harness.reconnect().sent
        #expect(resent.count == 65_535)
        #expect(resent.first == sendPublish(self.one, 1, duplicate: true))
        #expect(resent.last == sendPublish(self.one, 65_535, duplicate: true))
        // One comes back, out of order: it is the subscription's.
        let effects = harness.receive(pubAck(40_000))
        #expect(effects == [published(40_000), sendSubscribe(40_000, ["a"])])
        #expect(harness.receive(subAck(40_000, .grantedQoS2)).completions.count == 1)
    }

    @Test func `fault 20: before 5.0 a take-over looks like a loss, and is met with longer and longer waits`() {
        var harness = EngineHarness.connected(.v311)
        var bounds: [Duration] = []
        for attempt in 1...6 {
            let wait = harness.linkLost().retryWait ?? .zero
            #expect(wait <= .seconds(1 << (attempt - 1)))
            bounds.append(wait)
            harness.redial()
        }
        #expect(bounds.max() ?? .zero > .seconds(2))
    }

    @Test func `fault 22: a lower QoS than asked for is a success, and the caller sees it`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a", "b"], qos: .exactlyOnce), 1)
        let effects = harness.receive(subAck(1, .grantedQoS1, .success))
        #expect(effects.completions == [.complete(OperationID(1), .subscribed([.grantedQoS1, .success], []))])
    }

    @Test func `fault 22: after a restart with a lower maximum QoS what is stored fails, and nothing loops`() {
        var harness = EngineHarness.connected()
        harness.publish(self.one, 1)
        harness.publish(self.two, 2)
        let effects = harness.reconnect(ConnAck(sessionPresent: true, properties: [.maximumQoS(.atMostOnce)]))
        #expect(effects.sent == [])
        #expect(effects.failure(of: 1)?.kind == .outcomeUnknown)
        #expect(effects.failure(of: 2)?.kind == .outcomeUnknown)
        #expect(harness.reconnect().sent == [])
        #expect(harness.publish(message("three", .atMostOnce), 3).sent.count == 1)
    }

    @Test func `fault 23: an expiry of 0 that the server sets ends the session with its connection`() {
        let override = ConnAck(properties: [.sessionExpiryInterval(0)])
        var harness = EngineHarness.connected(connAck: override)
        harness.publish(self.two, 1)
        let effects = harness.disconnect(9)
        #expect(effects.failure(of: 1)?.kind == .outcomeUnknown)
        #expect(harness.engine.session.outbound.exchanges.isEmpty)
        // Ours, of which the server said nothing, would be kept.
        var kept = EngineHarness.connected()
        kept.publish(self.two, 1)
        kept.disconnect(9)
        #expect(!kept.engine.session.outbound.exchanges.isEmpty)
    }

    // MARK: - Attacks

    @Test(arguments: ProtocolVersion.allCases)
    func `attack repeated identifiers: a QoS 2 message that comes again and again piles nothing up`(
        version: ProtocolVersion
    ) {
        var harness = EngineHarness.connected(version)
        harness.subscribe(.to(["t/#"]), nil)
        harness.receive(subAck(1, .grantedQoS2))
        let first = harness.arrive("t/1", .atLeastOnce, id: 1)
        let second = harness.arrive("t/1", .exactlyOnce, id: 2)
        harness.acknowledge(second)
        // The first one is kept by the application: nothing behind it can be answered.
        for _ in 0..<20_000 {
            #expect(harness.receivePublish(.message("t/1", .exactlyOnce, 2, true)).effects == [])
        }
        #expect(harness.engine.session.inbound.unacknowledgedCount == 2)
        #expect(harness.acknowledge(first) == [.send(pubAck(1)), .send(pubRec(2))])
        // Answered it is, each time it comes from now on.
        for _ in 0..<3 {
            let (arrival, effects) = harness.receivePublish(.message("t/1", .exactlyOnce, 2, true))
            #expect(arrival == .nothing)
            #expect(effects == [.send(pubRec(2))])
        }
        #expect(harness.engine.session.inbound.unacknowledgedCount == 0)
        #expect(harness.receive(pubRel(2)) == [.send(pubComp(2))])
    }

    @Test func `attack repeated identifiers: exchanges that are begun and never finished are bounded`() {
        var harness = EngineHarness.connected { $0.receiveMaximum = 50 }
        harness.subscribe(.to(["t/#"]), nil)
        harness.receive(subAck(1, .grantedQoS2))
        var connections = 0
        for number in 1...2_000 as ClosedRange<UInt16> {
            let (arrival, effects) = harness.receivePublish(.message("t/1", .exactlyOnce, number))
            if case .deliver(_, let token?) = arrival { harness.acknowledge(token) }
            guard effects.disconnected != nil else { continue }
            connections += 1
            harness.redial(ConnAck())
        }
        #expect(connections > 30)
        #expect(harness.engine.session.inbound.unacknowledgedCount <= 50)
    }

    @Test func `attack repeated identifiers: answers that nobody waits for leave nothing behind`() {
        var harness = EngineHarness.connected()
        for number in 1...5_000 as ClosedRange<UInt16> {
            #expect(harness.receive(pubAck(number)) == [])
            #expect(harness.receive(pubComp(number)) == [])
            #expect(harness.receive(pubRec(number)).sent == [.send(pubRel(number, .packetIdentifierNotFound))])
            #expect(harness.receive(pubRel(number)).sent == [.send(pubComp(number, .packetIdentifierNotFound))])
        }
        #expect(harness.engine.session.outbound.exchanges.isEmpty)
        #expect(harness.engine.session.outbound.pendingCount == 0)
        #expect(harness.engine.session.inbound.unacknowledgedCount == 0)
        #expect(harness.engine.isConnected)
    }
}
