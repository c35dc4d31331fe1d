// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// Whose a packet identifier is, and until when; in both versions.
@Suite struct PacketIdentifierTests {
    private let one = message("one", .atLeastOnce)
    private let two = message("two", .exactlyOnce)

    /// Publishes and has acknowledged QoS 1 messages; gives the identifiers they had.
    private func cycle(_ harness: inout EngineHarness, _ count: Int) -> [UInt16] {
        var used: [UInt16] = []
        for _ in 0..<count {
            guard case .sendPublish(_, let id, false) = harness.publish(self.one, 1_000_000).first else {
                Issue.record("not sent, or with DUP")
                return used
            }
            used.append(id.rawValue)
            harness.receive(.pubAck(Acknowledgement(packetID: id)))
        }
        return used
    }

    @Test(
        .sends("5:MQTT-2.2.1-3", "5:MQTT-4.3.2-1", "5:MQTT-4.3.3-1"),
        .sends("3.1.1:MQTT-2.3.1-1", "3.1.1:MQTT-2.3.1-2", "3.1.1:MQTT-4.3.2-1", "3.1.1:MQTT-4.3.3-1"),
        arguments: [ProtocolVersion.v311, .v5]
    )
    func `every request takes an identifier that is not 0 and that nobody uses, round after round`(
        version: ProtocolVersion
    ) {
        var harness = EngineHarness.connected(version)
        harness.subscribe(.to(["a"], id: 1), 1)
        harness.receive(subAck(1, .grantedQoS2))
        // Four kinds of requests that stay without an answer.
        #expect(harness.publish(self.one, 2) == [sendPublish(self.one, 2)])
        #expect(harness.subscribe(.to(["b"], id: 2), 3) == [sendSubscribe(3, ["b"])])
        #expect(harness.publish(self.two, 4) == [sendPublish(self.two, 4)])
        #expect(harness.unsubscribe(1, 5) == [sendUnsubscribe(5, ["a"])])
        let used = self.cycle(&harness, 2 * 65_531)
        #expect(Set(used) == Set(6...65_535).union([1]))
        #expect(Array(used.prefix(65_531)) == Array(used.suffix(65_531)))
        #expect(harness.engine.isConnected)
    }

    @Test(
        .sends("5:MQTT-4.3.2-5", "5:MQTT-4.3.3-12", "3.1.1:MQTT-2.3.1-3", "3.1.1:MQTT-4.3.2-1"),
        arguments: [ProtocolVersion.v311, .v5]
    )
    func `an identifier is free behind the last acknowledgement, then a new message has it without DUP`(
        version: ProtocolVersion
    ) {
        let ends: [(request: (inout EngineHarness) -> Void, before: Packet?, last: Packet)] = [
            ({ $0.publish(message("one", .atLeastOnce), 1) }, nil, pubAck(1)),
            ({ $0.publish(message("two", .exactlyOnce), 1) }, pubRec(1), pubComp(1)),
            ({ $0.subscribe(.to(["a"]), 1) }, nil, subAck(1, .grantedQoS0)),
        ]
        for (request, before, last) in ends {
            var harness = EngineHarness.connected(version)
            request(&harness)
            #expect(!self.cycle(&harness, 65_535).contains(1))
            if let before { harness.receive(before) }
            #expect(!self.cycle(&harness, 65_535).contains(1))
            harness.receive(last)
            #expect(self.cycle(&harness, 65_535).filter { $0 == 1 } == [1])
        }
    }

    @Test(.sends("3.1.1:MQTT-2.3.1-3"), arguments: [ProtocolVersion.v311, .v5])
    func `the identifier of UNSUBSCRIBE is free behind UNSUBACK`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        harness.subscribe(.to(["a"]), 1)
        harness.receive(subAck(1, .grantedQoS0))
        harness.unsubscribe(1, 2)
        #expect(!self.cycle(&harness, 65_535).contains(2))
        harness.receive(version == .v5 ? unsubAck(2, .success) : unsubAck(2))
        #expect(self.cycle(&harness, 65_535).filter { $0 == 2 } == [2])
    }

    // MARK: - Identifiers of the server

    private static func subscribed(_ version: ProtocolVersion) -> EngineHarness {
        var harness = EngineHarness.connected(version)
        harness.subscribe(.to(["t/#"]), nil)
        harness.receive(subAck(1, .grantedQoS2))
        return harness
    }

    @Test(
        .receives("5:MQTT-3.3.1-1", "5:MQTT-3.3.1-3", "5:MQTT-4.3.2-2", "5:MQTT-4.3.3-2"),
        .receives("3.1.1:MQTT-3.3.1-1", "3.1.1:MQTT-3.3.1-3", "3.1.1:MQTT-4.3.2-1", "3.1.1:MQTT-4.3.3-1"),
        arguments: [ProtocolVersion.v311, .v5],
        [QoS.atLeastOnce, .exactlyOnce]
    )
    func `a message that comes first with DUP is delivered like any other`(version: ProtocolVersion, qos: QoS) {
        var harness = Self.subscribed(version)
        let token = harness.arrive("t/1", qos, id: 7, duplicate: true)
        #expect(token != nil)
        #expect(harness.acknowledge(token) == [.send(qos == .atLeastOnce ? pubAck(7) : pubRec(7))])
    }

    @Test(
        .sends("5:MQTT-4.3.3-10", "3.1.1:MQTT-4.3.3-2"),
        .receives("5:MQTT-3.3.1-1", "5:MQTT-3.3.1-3", "5:MQTT-4.3.3-10", "3.1.1:MQTT-3.3.1-1", "3.1.1:MQTT-3.3.1-3"),
        arguments: [ProtocolVersion.v311, .v5],
        [false, true]
    )
    func `a repetition at QoS 2 is one with DUP or without, here and on the next connection`(
        version: ProtocolVersion,
        duplicate: Bool
    ) {
        var harness = Self.subscribed(version)
        harness.acknowledge(harness.arrive("t/1", .exactlyOnce, id: 7))
        for _ in 0..<2 {
            let (arrival, effects) = harness.receivePublish(.message("t/1", .exactlyOnce, 7, duplicate))
            #expect(arrival == .nothing)
            #expect(effects == [.send(pubRec(7))])
            harness.reconnect()
        }
    }

    @Test(
        .receives("5:MQTT-4.3.2-5", "5:MQTT-4.3.3-12", "3.1.1:MQTT-2.3.1-3", "3.1.1:MQTT-4.3.2-2"),
        .receives("3.1.1:MQTT-4.3.3-2"),
        arguments: [ProtocolVersion.v311, .v5],
        [false, true]
    )
    func `behind PUBACK or PUBCOMP the same identifier is a new message, whatever DUP says`(
        version: ProtocolVersion,
        duplicate: Bool
    ) {
        var harness = Self.subscribed(version)
        for qos in [QoS.atLeastOnce, .exactlyOnce] {
            for _ in 0..<3 {
                let token = harness.arrive("t/1", qos, id: 7, duplicate: duplicate)
                #expect(token != nil)
                #expect(harness.acknowledge(token).count == 1)
                if qos == .exactlyOnce { #expect(harness.receive(pubRel(7)) == [.send(pubComp(7))]) }
            }
        }
    }

    @Test(.receives("5:MQTT-4.3.2-1", "5:MQTT-2.2.1-4", "3.1.1:MQTT-4.3.2-1"), arguments: [ProtocolVersion.v311, .v5])
    func `QoS 1 messages that share an identifier are each delivered and each acknowledged`(version: ProtocolVersion) {
        var harness = Self.subscribed(version)
        let tokens = [harness.arrive("t/1", .atLeastOnce, id: 7), harness.arrive("t/2", .atLeastOnce, id: 7)]
        #expect(tokens[0] != nil && tokens[1] != nil && tokens[0] != tokens[1])
        #expect(harness.acknowledge(tokens[1]) == [])
        #expect(harness.acknowledge(tokens[0]) == [.send(pubAck(7)), .send(pubAck(7))])
        #expect(harness.engine.isConnected)
    }

    @Test(
        .sends("5:MQTT-4.3.3-11", "5:MQTT-3.7.2-1", "3.1.1:MQTT-4.3.3-2"),
        .receives("5:MQTT-4.3.3-5", "5:MQTT-4.3.3-11", "3.1.1:MQTT-4.3.3-1"),
        arguments: [ProtocolVersion.v311, .v5]
    )
    func `a PUBREL that comes again is answered again, here and on the next connection`(version: ProtocolVersion) {
        var harness = Self.subscribed(version)
        harness.acknowledge(harness.arrive("t/1", .exactlyOnce, id: 7))
        #expect(harness.receive(pubRel(7)) == [.send(pubComp(7))])
        let again: [Effect] = [.send(pubComp(7, version == .v5 ? .packetIdentifierNotFound : .success))]
        #expect(harness.receive(pubRel(7)) == again)
        harness.reconnect()
        #expect(harness.receive(pubRel(7)) == again)
    }

    @Test(.receives("5:MQTT-2.2.1-4", "3.1.1:MQTT-2.3.1-4"), arguments: [ProtocolVersion.v311, .v5])
    func `identifiers of the server and ours have nothing to do with one another`(version: ProtocolVersion) {
        var harness = Self.subscribed(version)
        #expect(harness.publish(self.two, 1) == [sendPublish(self.two, 2)])
        let token = harness.arrive("t/1", .exactlyOnce, id: 2)
        #expect(harness.receive(pubRec(2)) == [.send(pubRel(2))])
        #expect(harness.acknowledge(token) == [.send(pubRec(2))])
        #expect(harness.receive(pubRel(2)) == [.send(pubComp(2))])
        #expect(harness.receive(pubComp(2)) == [published(1)])
    }
}
