// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import Testing

@testable import MQTTBroker

/// A script is played without sockets: packets in, steps out.
@Suite struct FaultScriptTests {
    static let one = ConnectionID(rawValue: 1)
    static let two = ConnectionID(rawValue: 2)
    static let id = PacketID.first

    static let connect = Packet.connect(Connect(clientID: "a"))
    static let publish = Packet.publish(Publish(topic: "t", qos: .atLeastOnce, packetID: id))
    static let pubAck = Packet.pubAck(Acknowledgement(packetID: id))

    private func player(_ rules: FaultRule..., seed: UInt64 = 0) -> FaultPlayer {
        FaultPlayer(FaultScript(rules, seed: seed))
    }

    @Test func `without rules every packet goes on`() {
        var player = FaultPlayer()
        #expect(!player.isActive)
        #expect(player.received(Self.publish, on: Self.one, version: .v5) == [.pass(Self.publish)])
        #expect(player.sending(Self.pubAck, on: Self.one) == [.pass(Self.pubAck)])
    }

    @Test(
        arguments: [
            (.drop, []),
            (.delay(.seconds(1)), [.wait(.seconds(1)), .pass(publish)]),
            (.duplicate, [.pass(publish), .pass(publish)]),
            (.cutBefore, [.cut]),
            (.cutAfter, [.passAndCut(publish)]),
            (.malformed([1]), [.bytes([1]), .pass(publish)]),
            (.stopReading, [.stopReading]),
            (.neverAnswer, [.pass(publish)]),
            (.cut(atByte: 1), [.pass(publish)]),
        ] as [(FaultAction, [FaultStep])]
    )
    func `what becomes of a packet to the broker`(action: FaultAction, steps: [FaultStep]) {
        var player = self.player(FaultRule(action, on: .publish))
        #expect(player.received(Self.publish, on: Self.one, version: .v5) == steps)
    }

    @Test(
        arguments: [
            (.drop, []),
            (.delay(.seconds(1)), [.wait(.seconds(1)), .pass(pubAck)]),
            (.duplicate, [.pass(pubAck), .pass(pubAck)]),
            (.cutBefore, [.cut]),
            (.cutAfter, [.passAndCut(pubAck)]),
            (.malformed(), [.bytes([0, 0])]),
            (.stopReading, [.stopReading]),
            (.neverAnswer, []),
            (.refuse(.notAuthorized), []),
        ] as [(FaultAction, [FaultStep])]
    )
    func `what becomes of a packet to a client`(action: FaultAction, steps: [FaultStep]) {
        var player = self.player(FaultRule(action, going: .toClient))
        #expect(player.sending(Self.pubAck, on: Self.one) == steps)
        #expect(player.received(Self.publish, on: Self.one, version: .v5) == [.pass(Self.publish)])
    }

    @Test func `a rule means a kind, a connection, a client and an occurrence`() {
        var player = self.player(
            FaultRule(.drop, on: .publish, connection: 2),
            FaultRule(.cutBefore, on: .pingRequest, clientID: "a", occurrences: 2...2)
        )
        #expect(player.received(Self.publish, on: Self.one, version: .v5) == [.pass(Self.publish)])
        #expect(player.received(Self.publish, on: Self.two, version: .v5) == [])
        #expect(player.received(.pingRequest, on: Self.one, version: .v5) == [.pass(.pingRequest)])
        _ = player.received(Self.connect, on: Self.one, version: .v5)
        let steps = (1...3).map { _ in player.received(.pingRequest, on: Self.one, version: .v5) }
        #expect(steps == [[.pass(.pingRequest)], [.cut], [.pass(.pingRequest)]])
        #expect(player.received(.pingRequest, on: Self.two, version: .v5) == [.pass(.pingRequest)])
    }

    @Test func `occurrences are counted over the connections, and go on after one has closed`() {
        var player = self.player(FaultRule(.drop, on: .publish, occurrences: 2...3))
        let first = player.received(Self.publish, on: Self.one, version: .v5)
        player.closed(Self.one)
        let others = (1...3).map { _ in player.received(Self.publish, on: Self.two, version: .v5).count }
        #expect(first.count == 1)
        #expect(others == [0, 0, 1])
    }

    @Test func `the first rule that applies decides, and all of them count`() {
        var player = self.player(
            FaultRule(.drop, on: .publish, occurrences: 1...1),
            FaultRule(.cutBefore, on: .publish, occurrences: 2...2)
        )
        let steps = (1...3).map { _ in player.received(Self.publish, on: Self.one, version: .v5) }
        #expect(steps == [[], [.cut], [.pass(Self.publish)]])
    }

    @Test func `a client that the broker has named is known from its CONNACK on`() {
        var player = self.player(FaultRule(.drop, on: .pingRequest, clientID: "given"))
        _ = player.received(.connect(Connect(clientID: "")), on: Self.one, version: .v5)
        var connAck = ConnAck()
        connAck.properties.assignedClientIdentifier = "given"
        _ = player.sending(.connAck(connAck), on: Self.one)
        #expect(player.received(.pingRequest, on: Self.one, version: .v5) == [])
    }

    @Test func `what is never answered is taken, and its answer alone is lost`() throws {
        let other = Packet.pubAck(Acknowledgement(packetID: try #require(PacketID(2))))
        var player = self.player(FaultRule(.neverAnswer, on: .publish, occurrences: 1...1))
        #expect(player.received(Self.publish, on: Self.one, version: .v5) == [.pass(Self.publish)])
        #expect(player.sending(other, on: Self.one) == [.pass(other)])
        #expect(player.sending(Self.pubAck, on: Self.two) == [.pass(Self.pubAck)])
        #expect(player.sending(Self.pubAck, on: Self.one) == [])
        #expect(player.sending(Self.pubAck, on: Self.one) == [.pass(Self.pubAck)])
    }

    @Test(
        arguments: [
            (connect, .v5, [.say(.connAck(ConnAck(reason: .banned))), .close]),
            (connect, .v31, [.say(.connAck(ConnAck(reason: .banned))), .close]),
            (publish, .v5, [.say(.pubAck(Acknowledgement(packetID: id, reason: .banned)))]),
            (publish, .v311, [.close]),
            (
                .pubRel(Acknowledgement(packetID: id)), .v5,
                [.say(.pubComp(Acknowledgement(packetID: id, reason: .banned)))]
            ),
            (
                .publish(Publish(topic: "t", qos: .exactlyOnce, packetID: id)), .v5,
                [.say(.pubRec(Acknowledgement(packetID: id, reason: .banned)))]
            ),
            (.unsubscribe(Unsubscribe(packetID: id, filters: ["a"])), .v311, [.close]),
            (
                .unsubscribe(Unsubscribe(packetID: id, filters: ["a", "b"])), .v5,
                [.say(.unsubAck(UnsubAck(packetID: id, reasons: [.banned, .banned])))]
            ),
            (.publish(Publish(topic: "t")), .v5, [.say(.disconnect(Disconnect(reason: .banned))), .close]),
            (.pingRequest, .v311, [.close]),
        ] as [(Packet, ProtocolVersion, [FaultStep])]
    )
    func `a refusal is what the version can say`(packet: Packet, version: ProtocolVersion, steps: [FaultStep]) {
        var player = self.player(FaultRule(.refuse(.banned)))
        #expect(player.received(packet, on: Self.one, version: version) == steps)
    }

    @Test(arguments: [(ProtocolVersion.v5, ReasonCode.banned), (.v311, .unspecifiedError)])
    func `a refused SUBSCRIBE has a reason for each filter`(version: ProtocolVersion, reason: ReasonCode) {
        let entries = ["a", "b"].map { Subscribe.Entry(filter: $0, options: SubscriptionOptions()) }
        let subscribe = Packet.subscribe(Subscribe(packetID: Self.id, entries: entries))
        var player = self.player(FaultRule(.refuse(.banned), on: .subscribe))
        let answer = SubAck(packetID: Self.id, reasons: [reason, reason])
        #expect(player.received(subscribe, on: Self.one, version: version) == [.say(.subAck(answer))])
        #expect(player.received(subscribe, on: Self.one, version: .v31) == [.close])
    }

    @Test func `with the same seed the same goes wrong, whatever others do in between`() {
        func lost(seed: UInt64, disturbed: Bool) -> [Bool] {
            var player = self.player(FaultRule(.drop, on: .publish, probability: 0.5), seed: seed)
            return (0..<64).map { _ in
                if disturbed { _ = player.received(Self.publish, on: Self.two, version: .v5) }
                return player.received(Self.publish, on: Self.one, version: .v5).isEmpty
            }
        }
        let first = lost(seed: 7, disturbed: false)
        #expect(lost(seed: 7, disturbed: true) == first)
        #expect(lost(seed: 8, disturbed: false) != first)
        #expect((16...48).contains(first.count { $0 }))
    }

    @Test(arguments: [(0.0, 0), (1.0, 50)])
    func `what is certain needs no chance`(probability: Double, count: Int) {
        var player = self.player(FaultRule(.drop, probability: probability))
        let lost = (0..<50).filter { _ in player.received(.pingRequest, on: Self.one, version: .v5).isEmpty }
        #expect(lost.count == count)
    }

    @Test func `a cut at a byte is for connections, of which the first alone if so told`() {
        var player = self.player(FaultRule(.cut(atByte: 10), going: .toClient, occurrences: 1...1))
        #expect(player.cutPosition(.toBroker, on: Self.one) == nil)
        #expect(player.cutPosition(.toClient, on: Self.one) == 10)
        #expect(player.cutPosition(.toClient, on: Self.two) == nil)
        #expect(player.cutPosition(.toClient, on: Self.one) == 10)
    }

    @Test func `a cut for a client is known once its CONNECT is there; the nearest one counts`() {
        var player = self.player(FaultRule(.cut(atByte: 10), clientID: "a"), FaultRule(.cut(atByte: 20)))
        #expect(player.cutPosition(.toBroker, on: Self.one) == 20)
        _ = player.received(Self.connect, on: Self.one, version: .v5)
        #expect(player.cutPosition(.toBroker, on: Self.one) == 10)
    }

    @Test func `a client never hears of an alias whose PUBLISH may be lost`() {
        func publish(_ topic: String, alias: UInt16?) -> Publish {
            var publish = Publish(topic: topic)
            publish.properties.topicAlias = alias
            return publish
        }
        func sent(_ topic: String, _ alias: UInt16, _ isActive: Bool) -> Publish {
            var packet = publish(topic, alias: alias)
            aliases.send(&packet, isActive: isActive)
            return packet
        }
        var aliases = FaultAliases()
        #expect(sent("a", 1, false) == publish("a", alias: 1))
        #expect(sent("", 1, true) == publish("", alias: 1))
        #expect(sent("b", 2, true) == publish("b", alias: nil))
        #expect(sent("", 2, true) == publish("b", alias: nil))
        // The script is over, and still the client knows no alias 2; until it is told.
        #expect(sent("", 2, false) == publish("b", alias: nil))
        #expect(sent("c", 2, false) == publish("c", alias: 2))
        #expect(sent("", 2, false) == publish("", alias: 2))
    }

    @Test func `the broker understands an alias though the PUBLISH that set it was lost`() {
        func received(_ topic: String, _ isActive: Bool) -> String {
            var packet = Publish(topic: topic)
            packet.properties.topicAlias = 1
            aliases.receive(&packet, isActive: isActive)
            return packet.topic
        }
        var aliases = FaultAliases()
        #expect(["a", "", "b", ""].map { received($0, true) } == ["a", "a", "b", "b"])
        #expect(["", "c", ""].map { received($0, false) } == ["b", "c", ""])
        #expect(aliases.isEmpty)
    }

    @Test func `another script counts anew and knows the clients`() {
        var player = self.player(FaultRule(.drop, on: .pingRequest, occurrences: 1...1))
        _ = player.received(Self.connect, on: Self.one, version: .v5)
        #expect(player.received(.pingRequest, on: Self.one, version: .v5) == [])
        player.play([FaultRule(.drop, on: .pingRequest, clientID: "a", occurrences: 1...1)])
        #expect(player.received(.pingRequest, on: Self.one, version: .v5) == [])
        #expect(player.received(.pingRequest, on: Self.one, version: .v5) == [.pass(.pingRequest)])
    }
}
