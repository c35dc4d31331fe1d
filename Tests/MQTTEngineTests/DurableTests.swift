// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// The engine with a store that confirms changes: nothing leaves before what it depends on is kept.
@Suite struct DurableTests {
    private let one = message("one", .atLeastOnce)
    private let two = message("two", .exactlyOnce)

    private static func connected(
        _ version: ProtocolVersion = .v5,
        connAck: ConnAck = ConnAck(),
        configure: (inout EngineConfiguration) -> Void = { _ in }
    ) -> EngineHarness {
        var harness = EngineHarness.connected(version, connAck: connAck) { configuration in
            configuration.isDurable = true
            configure(&configuration)
        }
        harness.subscribe(.to(["t/#"]), nil)
        harness.receive(subAck(1, .grantedQoS2))
        return harness
    }

    private func added(_ serial: UInt64, _ id: UInt16?, _ frame: PublishFrame, ticket: UInt64) -> Effect {
        .persist(.outboundAdded(OutboundRecord(serial: serial, packetID: id, message: frame.message)), Ticket(ticket))
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `a message is sent when it is kept`(version: ProtocolVersion) {
        var harness = Self.connected(version)
        #expect(harness.publish(self.one, 1) == [added(1, 2, self.one, ticket: 1)])
        #expect(harness.persisted(1) == [sendPublish(self.one, 2)])
        #expect(
            harness.receive(pubAck(2)) == [.persist(.outboundFinished(serial: 1), Ticket(2)), published(1)]
        )
    }

    @Test func `one confirmation lets all before it go, in order`() {
        var harness = Self.connected()
        for number in 1...3 as ClosedRange<UInt64> { harness.publish(self.one, number) }
        #expect(harness.persisted(2) == [sendPublish(self.one, 2), sendPublish(self.one, 3)])
        #expect(harness.persisted(2) == [])
        #expect(harness.persisted(3) == [sendPublish(self.one, 4)])
    }

    @Test(.sends("5:MQTT-4.3.3-4")) func `PUBREL waits until the store knows of PUBREC`() {
        var harness = Self.connected()
        harness.publish(self.two, 1)
        harness.persisted(1)
        #expect(harness.receive(pubRec(2)) == [.persist(.outboundReleased(serial: 1), Ticket(2))])
        #expect(harness.receive(pubRec(2)) == [])
        #expect(harness.persisted(2) == [.send(pubRel(2))])
        #expect(harness.receive(pubComp(2)) == [.persist(.outboundFinished(serial: 1), Ticket(3)), published(1)])
    }

    @Test(.sends("5:MQTT-4.3.3-8", "5:MQTT-4.3.3-12", "3.1.1:MQTT-4.3.3-2"), arguments: ProtocolVersion.allCases)
    func `PUBREC and PUBCOMP wait for the store, PUBACK does not`(version: ProtocolVersion) {
        var harness = Self.connected(version)
        let two = harness.arrive("t/2", .exactlyOnce, id: 7)
        #expect(harness.acknowledge(two) == [.persist(.inboundReceived(packetID: 7), Ticket(1))])
        #expect(harness.persisted(1) == [.send(pubRec(7))])
        #expect(harness.receive(pubRel(7)) == [.persist(.inboundReleased(packetID: 7), Ticket(2))])
        #expect(harness.persisted(2) == [.send(pubComp(7))])
        let one = harness.arrive("t/1", .atLeastOnce, id: 8)
        #expect(harness.acknowledge(one) == [.send(pubAck(8))])
    }

    @Test func `a PUBACK does not overtake a PUBREC that waits`() {
        var harness = Self.connected()
        let two = harness.arrive("t/2", .exactlyOnce, id: 7)
        let one = harness.arrive("t/1", .atLeastOnce, id: 8)
        harness.acknowledge(two)
        #expect(harness.acknowledge(one) == [])
        #expect(harness.persisted(1) == [.send(pubRec(7)), .send(pubAck(8))])
    }

    @Test func `answers that waited die with their connection`() {
        var harness = Self.connected()
        let two = harness.arrive("t/2", .exactlyOnce, id: 7)
        harness.acknowledge(two)
        harness.reconnect()
        #expect(harness.persisted(1) == [])
        let effects = harness.receivePublish(.message("t/2", .exactlyOnce, 7, true)).effects
        #expect(effects == [.persist(.inboundReceived(packetID: 7), Ticket(2))])
        #expect(harness.persisted(2) == [.send(pubRec(7))])
    }

    @Test func `a message that waited in the queue is kept with its identifier before it is sent`() {
        var harness = Self.connected(connAck: ConnAck(properties: [.receiveMaximum(1)]))
        harness.publish(self.one, 1)
        #expect(harness.publish(self.two, 2) == [added(2, nil, self.two, ticket: 2)])
        #expect(harness.persisted(2) == [sendPublish(self.one, 2)])
        let effects = harness.receive(pubAck(2))
        #expect(effects.changes == [.outboundFinished(serial: 1), .outboundAssigned(serial: 2, packetID: 3)])
        #expect(effects.sent == [])
        #expect(harness.persisted(4) == [sendPublish(self.two, 3)])
    }

    @Test func `a message kept while the link is down is sent first on the next connection, without DUP`() {
        var harness = Self.connected()
        harness.publish(self.one, 1)
        harness.linkLost()
        #expect(harness.persisted(1) == [])
        #expect(harness.redial().sent == [sendPublish(self.one, 2)])
    }

    @Test func `messages held beyond a lowered limit trickle`() {
        var harness = Self.connected()
        for number in 1...3 as ClosedRange<UInt64> { harness.publish(self.one, number) }
        harness.reconnect(ConnAck(sessionPresent: true, properties: [.receiveMaximum(2)]))
        #expect(harness.persisted(3) == [sendPublish(self.one, 2), sendPublish(self.one, 3)])
        #expect(harness.receive(pubAck(2)).sent == [sendPublish(self.one, 4)])
    }

    @Test func `a session lost while the store writes keeps the order and the waiting`() {
        var harness = Self.connected()
        harness.publish(self.one, 1)
        harness.publish(self.two, 2)
        harness.reconnect(ConnAck())
        let effects = harness.persisted(2)
        #expect(
            effects.changes == [
                .outboundAssigned(serial: 1, packetID: 2), .outboundAssigned(serial: 2, packetID: 3),
            ]
        )
        #expect(harness.persisted(4).sent == [sendPublish(self.one, 2), sendPublish(self.two, 3)])
    }

    // MARK: - A store that fails

    @Test func `a failed batch fails its messages before they are sent, and no others`() {
        var harness = Self.connected()
        harness.publish(self.one, 1)
        harness.persisted(1)
        harness.publish(self.one, 2)
        harness.publish(self.one, 3)
        harness.publish(self.one, 4)
        let effects = harness.persistFailed(3)
        #expect(effects.failure(of: 2)?.kind == .storeFailed)
        #expect(effects.failure(of: 3)?.kind == .storeFailed)
        #expect(effects.changes == [.outboundFinished(serial: 2), .outboundFinished(serial: 3)])
        #expect(effects.sent == [])
        #expect(harness.engine.isConnected)
        #expect(harness.persisted(4) == [sendPublish(self.one, 5)])
        harness.receive(pubAck(2))
        harness.receive(pubAck(5))
        #expect(harness.engine.session.outbound.pendingBytes == 0)
        #expect(harness.engine.session.outbound.exchanges.isEmpty)
    }

    @Test func `a failed batch fails messages in the queue, too`() {
        var harness = Self.connected()
        harness.linkLost()
        harness.publish(self.one, 1)
        #expect(harness.persistFailed(1).failure(of: 1)?.kind == .storeFailed)
        #expect(harness.redial().sent == [])
        #expect(harness.engine.session.outbound.pendingBytes == 0)
    }

    @Test(
        .sends("5:MQTT-4.3.3-8", "3.1.1:MQTT-4.8.0-2"),
        .receives("3.1.1:MQTT-4.8.0-2"),
        arguments: ProtocolVersion.allCases
    )
    func `a QoS 2 message the store could not note is not answered, and the connection closes`(version: ProtocolVersion)
    {
        var harness = Self.connected(version)
        harness.acknowledge(harness.arrive("t/2", .exactlyOnce, id: 7))
        let effects = harness.persistFailed(1)
        let words: [Effect] =
            version == .v5 ? [.send(.disconnect(Disconnect(reason: .implementationSpecificError)))] : []
        #expect(Array(effects.prefix(words.count + 1)) == words + [.close])
        harness.redial(ConnAck(sessionPresent: version != .v31))
        let again = harness.receivePublish(.message("t/2", .exactlyOnce, 7, true))
        #expect(again.arrival == .nothing)
        #expect(again.effects == [.persist(.inboundReceived(packetID: 7), Ticket(2))])
    }

    @Test func `an answer that only stood behind a failed message goes out`() {
        var harness = Self.connected()
        harness.publish(self.one, 1)
        #expect(harness.acknowledge(harness.arrive("t/1", .atLeastOnce, id: 7)) == [])
        let effects = harness.persistFailed(1)
        #expect(effects.sent == [.send(pubAck(7))])
        #expect(harness.engine.isConnected)
    }

    @Test func `a PUBREL the store could not allow is asked for again on the next connection`() {
        var harness = Self.connected()
        harness.publish(self.two, 1)
        harness.persisted(1)
        harness.receive(pubRec(2))
        #expect(harness.persistFailed(2).contains(.close))
        #expect(harness.redial().changes == [.outboundReleased(serial: 1)])
        #expect(harness.persisted(3) == [.send(pubRel(2))])
        #expect(harness.receive(pubComp(2)).completions == [published(1)])
    }

    @Test func `an identifier the store failed to forget is forgotten when the server asks again`() {
        var harness = Self.connected()
        harness.acknowledge(harness.arrive("t/2", .exactlyOnce, id: 7))
        harness.persisted(1)
        harness.receive(pubRel(7))
        harness.persistFailed(2)
        harness.redial()
        #expect(harness.receive(pubRel(7)) == [.persist(.inboundReleased(packetID: 7), Ticket(3))])
        #expect(harness.persisted(3) == [.send(pubComp(7, .packetIdentifierNotFound))])
    }

    // MARK: - Another process

    @Test(.sends("5:MQTT-2.2.1-3", "5:MQTT-4.3.3-6", "U5-4.1-1?", "5:MQTT-4.6.0-1"), .receives("U5-4.1-1?"))
    func `what a store kept goes on`() {
        var harness = EngineHarness { configuration in
            configuration.isDurable = true
            configuration.cleanStart = .firstOnly
            configuration.sessionExpiry = .max
        }
        harness.engine.restore(
            SessionRecord(
                outbound: [
                    OutboundRecord(serial: 3, packetID: 9, phase: .releasing, message: nil),
                    OutboundRecord(serial: 5, packetID: 65_535, message: self.one.message),
                    OutboundRecord(serial: 6, packetID: 1, message: self.two.message),
                    OutboundRecord(serial: 8, message: self.one.message),
                ],
                inbound: [4]
            )
        )
        harness.startConnecting()
        #expect(harness.linkUp() == [.send(.connect(Connect(clientID: "client", cleanStart: false)))])
        let effects = harness.receive(.connAck(ConnAck(sessionPresent: true)))
        #expect(
            effects.sent == [
                .send(pubRel(9)), sendPublish(self.one, 65_535, duplicate: true),
                sendPublish(self.two, 1, duplicate: true),
            ]
        )
        #expect(effects.changes == [.outboundAssigned(serial: 8, packetID: 2)])
        #expect(
            harness.publish(self.one, 1).changes == [
                .outboundAdded(OutboundRecord(serial: 9, packetID: 3, message: self.one.message))
            ]
        )
        #expect(harness.receivePublish(.message("t", .exactlyOnce, 4, true)).arrival == .nothing)
        #expect(harness.receive(pubComp(9)).changes == [.outboundFinished(serial: 3)])
    }

    @Test func `an identifier that two records claim stays with the older one, and the other is published anew`() {
        var harness = EngineHarness { configuration in
            configuration.isDurable = true
            configuration.cleanStart = .never
            configuration.sessionExpiry = .max
        }
        let first = message("first", .atLeastOnce)
        harness.engine.restore(
            SessionRecord(outbound: [
                OutboundRecord(serial: 1, packetID: 1, message: first.message),
                OutboundRecord(serial: 2, packetID: 1, message: self.one.message),
            ])
        )
        let effects = harness.connect(ConnAck(sessionPresent: true))
        #expect(effects.sent.last == sendPublish(first, 1, duplicate: true))
        #expect(effects.changes == [.outboundAssigned(serial: 2, packetID: 2)])
        #expect(harness.persisted(1) == [sendPublish(self.one, 2)])
    }

    @Test func `records of a damaged store are left out and forgotten, and nothing traps`() {
        var harness = EngineHarness(.v311) { configuration in
            configuration.isDurable = true
            configuration.cleanStart = .never
            configuration.sessionExpiry = .max
        }
        let good = message("one", .atLeastOnce, version: .v311)
        var wildcard = self.one.message
        wildcard.topic = "a/#"
        var properties = self.one.message
        properties.properties = [.messageExpiryInterval(5)]
        let zero = message("zero", .atMostOnce).message
        harness.engine.restore(
            SessionRecord(
                outbound: [
                    OutboundRecord(serial: 1, packetID: 1, message: nil),
                    OutboundRecord(serial: 2, packetID: 2, message: zero),
                    OutboundRecord(serial: 3, message: zero),
                    OutboundRecord(serial: 4, packetID: 3, message: wildcard),
                    OutboundRecord(serial: 5, packetID: 4, message: properties),
                    OutboundRecord(serial: 6, phase: .releasing, message: nil),
                    OutboundRecord(serial: 7, packetID: 0, phase: .releasing, message: nil),
                    OutboundRecord(serial: .max, packetID: 5, message: self.one.message),
                ],
                inbound: [0, 1]
            )
        )
        let effects = harness.connect(ConnAck(sessionPresent: true))
        #expect(effects.sent.last == sendPublish(good, 5, duplicate: true))
        #expect(effects.sent.count == 2)
        #expect(effects.changes == (1...7).map { .outboundFinished(serial: $0) })
        #expect(harness.engine.session.outbound.pendingBytes == good.size)
        harness.publish(good, 1)
        harness.publish(good, 2)
    }

    @Test(arguments: [UInt32(0), .max])
    func `disconnecting keeps what the store keeps, sent or not`(sessionExpiry: UInt32) {
        var harness = Self.connected(connAck: ConnAck(properties: [.receiveMaximum(1)])) {
            $0.sessionExpiry = sessionExpiry
        }
        harness.publish(self.one, 1)
        harness.publish(self.two, 2)
        harness.persisted(2)
        let effects = harness.disconnect()
        #expect(effects.failure(of: 1)?.kind == .outcomeUnknown)
        #expect(effects.failure(of: 2)?.kind == .outcomeUnknown)
        #expect(effects.changes == [])
        let next = harness.connect(ConnAck(sessionPresent: sessionExpiry > 0))
        if sessionExpiry > 0 {
            #expect(next.sent.last == sendPublish(self.one, 2, duplicate: true))
        } else {
            #expect(next.changes.first == .outboundAssigned(serial: 1, packetID: 1))
        }
    }

    @Test func `a store may take messages before anybody wants a connection`() {
        var harness = EngineHarness { $0.isDurable = true }
        #expect(harness.publish(self.one, 1) == [added(1, nil, self.one, ticket: 1)])
        harness.persisted(1)
        #expect(harness.connect().changes == [.outboundAssigned(serial: 1, packetID: 1)])
    }

    @Test func `a lost session is forgotten in the store`() {
        var harness = Self.connected()
        harness.acknowledge(harness.arrive("t/2", .exactlyOnce, id: 7))
        harness.publish(self.two, 1)
        harness.persisted(2)
        harness.receive(pubRec(2))
        harness.persisted(3)
        let effects = harness.reconnect(ConnAck())
        #expect(effects.changes == [.inboundForgotten, .outboundFinished(serial: 1)])
        #expect(effects.failure(of: 1)?.kind == .outcomeUnknown)
    }

    // MARK: - The record of a store

    @Test(.sends("5:MQTT-3.1.3-2", "3.1.1:MQTT-3.1.3-2")) func `the in-memory store keeps what the changes say`()
        async throws
    {
        let store = InMemorySessionStore()
        #expect(try await store.load(clientID: "a") == SessionRecord())
        try await store.apply(
            [
                .outboundAdded(OutboundRecord(serial: 1, packetID: 5, message: self.two.message)),
                .outboundAdded(OutboundRecord(serial: 4, message: self.one.message)),
                .outboundAdded(OutboundRecord(serial: 7, message: self.one.message)),
                .outboundReleased(serial: 1), .outboundAssigned(serial: 7, packetID: 6), .outboundFinished(serial: 4),
                .outboundFinished(serial: 99), .inboundReceived(packetID: 3), .inboundReceived(packetID: 8),
                .inboundReleased(packetID: 3),
            ],
            clientID: "a"
        )
        let expected = SessionRecord(
            outbound: [
                OutboundRecord(serial: 1, packetID: 5, phase: .releasing, message: nil),
                OutboundRecord(serial: 7, packetID: 6, message: self.one.message),
            ],
            inbound: [8]
        )
        #expect(await store.record(for: "a") == expected)
        try await store.apply([.inboundForgotten], clientID: "a")
        #expect(await store.record(for: "a").inbound == [])
        #expect(await store.record(for: "b") == SessionRecord())
    }
}
