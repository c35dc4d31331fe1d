// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// QoS 1 and 2 to the server, across connections.
@Suite struct OutboundResumeTests {
    private let one = message("one", .atLeastOnce)
    private let two = message("two", .exactlyOnce)
    private let zero = message("zero", .atMostOnce)

    @Test(
        .sends(
            "5:MQTT-3.1.2-23",
            "5:MQTT-3.3.1-1",
            "5:MQTT-4.3.2-3",
            "5:MQTT-4.3.3-3",
            "5:MQTT-4.4.0-1",
            "5:MQTT-4.6.0-1",
            "5:MQTT-3.1.2-5",
            "3.1.1:MQTT-2.3.1-3",
            "3.1.1:MQTT-3.1.2-4",
            "3.1.1:MQTT-3.3.1-1",
            "3.1.1:MQTT-4.4.0-1",
            "3.1.1:MQTT-4.6.0-1"
        ),
        arguments: [ProtocolVersion.v311, .v5]
    )
    func `fault 4: a resumed session sends again what was not acknowledged, in order, with DUP`(
        version: ProtocolVersion
    ) {
        var harness = EngineHarness.connected(version)
        for number in 1...4 as ClosedRange<UInt64> {
            harness.publish(number.isMultiple(of: 2) ? self.two : self.one, number)
        }
        harness.receive(pubAck(1))
        #expect(
            harness.reconnect().sent == [
                sendPublish(self.two, 2, duplicate: true), sendPublish(self.one, 3, duplicate: true),
                sendPublish(self.two, 4, duplicate: true),
            ]
        )
    }

    @Test(.sends("5:MQTT-4.6.0-1")) func `the order stays when identifiers have gone round`() {
        var harness = EngineHarness.connected()
        for number in 1...65_534 as ClosedRange<UInt16> {
            harness.publish(self.one, 0)
            harness.receive(pubAck(number))
        }
        for _ in 0..<3 { harness.publish(self.one, 1) }
        #expect(
            harness.reconnect().sent == [
                sendPublish(self.one, 65_535, duplicate: true), sendPublish(self.one, 1, duplicate: true),
                sendPublish(self.one, 2, duplicate: true),
            ]
        )
    }

    @Test(.sends("5:MQTT-4.1.0-1", "5:MQTT-4.6.0-1"))
    func `a message left far behind is still the first to be sent again`() {
        var harness = EngineHarness.connected()
        harness.publish(self.two, 1)
        for number in 2...10_000 as ClosedRange<UInt16> {
            harness.publish(self.one, 2)
            harness.receive(pubAck(number))
        }
        harness.publish(self.one, 3)
        #expect(
            harness.reconnect().sent == [
                sendPublish(self.two, 1, duplicate: true), sendPublish(self.one, 10_001, duplicate: true),
            ]
        )
    }

    @Test(
        .sends(
            "5:MQTT-4.3.3-5",
            "5:MQTT-4.3.3-6",
            "5:MQTT-4.4.0-1",
            "5:MQTT-4.6.0-4",
            "3.1.1:MQTT-4.3.3-1",
            "3.1.1:MQTT-4.4.0-1",
            "3.1.1:MQTT-4.6.0-4"
        ),
        arguments: ProtocolVersion.allCases
    )
    func `fault 4: behind PUBREC only PUBREL is sent again, in the order of PUBREC`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        for number in 1...3 as ClosedRange<UInt64> { harness.publish(self.two, number) }
        harness.receive(pubRec(3))
        harness.receive(pubRec(1))
        // MQTT 3.1 cannot say that a session is present.
        let effects = harness.reconnect(ConnAck(sessionPresent: version != .v31))
        #expect(effects.sent == [.send(pubRel(3)), .send(pubRel(1)), sendPublish(self.two, 2, duplicate: true)])
        #expect(harness.receive(pubComp(1)) == [published(1)])
    }

    @Test(.sends("5:MQTT-4.4.0-1")) func `what is sent again is sent again once`() {
        var harness = EngineHarness.connected { $0.keepAlive = 10 }
        harness.publish(self.one, 1)
        #expect(harness.reconnect().sent.count == 1)
        #expect(harness.pass(.seconds(9)) == [.send(.pingRequest)])
        #expect(harness.reconnect().sent.count == 1)
    }

    @Test(
        .sends("3.1.1:MQTT-3.2.2-3"),
        .sends("5:MQTT-3.2.2-5", "5:MQTT-3.1.2-6"),
        arguments: [ProtocolVersion.v311, .v5]
    )
    func `fault 5: a lost session publishes anew, with new identifiers and without DUP`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        harness.publish(self.one, 1)
        harness.receive(pubAck(1))
        harness.publish(self.one, 2)
        harness.publish(self.two, 3)
        #expect(harness.reconnect(ConnAck()).sent == [sendPublish(self.one, 1), sendPublish(self.two, 2)])
        #expect(harness.receive(pubAck(1)) == [published(2)])
    }

    @Test(.sends("5:MQTT-3.2.2-5"), arguments: [ProtocolVersion.v311, .v5])
    func `fault 5: behind PUBREC the outcome of a lost session is unknown`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        harness.publish(self.two, 1)
        harness.receive(pubRec(1))
        let effects = harness.reconnect(ConnAck())
        #expect(effects.failure(of: 1)?.kind == .outcomeUnknown)
        #expect(effects.sent == [])
        #expect(!harness.engine.isAwaitingReply)
    }

    @Test func `a clean 3.1 session is not taken for one that goes on`() {
        var harness = EngineHarness.connected(.v31) { $0.cleanStart = .always }
        harness.publish(self.one, 1)
        #expect(harness.reconnect(ConnAck()).sent == [sendPublish(self.one, 1)])
    }

    @Test(.sends("5:MQTT-4.9.0-1", "5:MQTT-3.3.4-7", "U5-4.9-1"))
    func `fault 13: a limit lowered at the reconnect lets messages trickle`() {
        var harness = EngineHarness.connected()
        for number in 1...4 as ClosedRange<UInt64> { harness.publish(self.two, number) }
        harness.receive(pubRec(1))
        harness.receive(pubRec(2))
        // Both PUBRELs go at once; the two exchanges have to end before a message may follow.
        let effects = harness.reconnect(ConnAck(sessionPresent: true, properties: [.receiveMaximum(1)]))
        #expect(effects.sent == [.send(pubRel(1)), .send(pubRel(2))])
        #expect(harness.receive(pubComp(1)) == [published(1)])
        #expect(harness.receive(pubComp(2)) == [published(2), sendPublish(self.two, 3, duplicate: true)])
        harness.receive(pubRec(3))
        #expect(harness.receive(pubComp(3)) == [published(3), sendPublish(self.two, 4, duplicate: true)])
    }

    @Test func `new messages wait behind those to be sent again`() {
        var harness = EngineHarness.connected()
        harness.publish(self.one, 1)
        harness.publish(self.one, 2)
        harness.reconnect(ConnAck(sessionPresent: true, properties: [.receiveMaximum(1)]))
        #expect(harness.publish(self.one, 3) == [])
        #expect(harness.receive(pubAck(1)) == [published(1), sendPublish(self.one, 2, duplicate: true)])
        #expect(harness.receive(pubAck(2)) == [published(2), sendPublish(self.one, 3)])
    }

    @Test func `a PUBREC before the turn to send again counts`() {
        var harness = EngineHarness.connected()
        harness.publish(self.two, 1)
        harness.publish(self.two, 2)
        harness.publish(self.two, 3)
        harness.reconnect(ConnAck(sessionPresent: true, properties: [.receiveMaximum(1)]))
        #expect(harness.receive(pubRec(2)) == [.send(pubRel(2))])
        #expect(harness.receive(pubComp(2)) == [published(2)])
        harness.receive(pubRec(1))
        #expect(harness.receive(pubComp(1)) == [published(1), sendPublish(self.two, 3, duplicate: true)])
    }

    @Test func `messages published while the link is down go out in order behind the old ones`() {
        var harness = EngineHarness.connected { $0.offlineAtMostOnce = .queue }
        harness.publish(self.one, 1)
        harness.linkLost()
        #expect(harness.publish(self.two, 2) == [])
        #expect(harness.publish(self.zero, 3) == [])
        let effects = harness.redial()
        #expect(
            effects.sent == [
                sendPublish(self.one, 1, duplicate: true), sendPublish(self.two, 2), .sendUnacknowledged(self.zero),
            ]
        )
        #expect(effects.completions.contains(published(3)))
    }

    @Test func `QoS 0 does not overtake QoS 0 that still waits`() {
        var harness = EngineHarness.connected { $0.offlineAtMostOnce = .queue }
        harness.linkLost()
        harness.publish(self.one, 1)
        harness.publish(self.one, 2)
        harness.publish(self.zero, 3)
        harness.redial(ConnAck(sessionPresent: true, properties: [.receiveMaximum(1)]))
        let later = message("later", .atMostOnce)
        #expect(harness.publish(later, 4) == [])
        #expect(
            harness.receive(pubAck(1)).sent == [
                sendPublish(self.one, 2), .sendUnacknowledged(self.zero), .sendUnacknowledged(later),
            ]
        )
        #expect(harness.publish(later, 5) == [.sendUnacknowledged(later)])
        harness.receive(pubAck(2))
        #expect(harness.engine.session.outbound.pendingBytes == 0)
    }

    @Test func `QoS 0 fails at once without a connection`() {
        var harness = EngineHarness.connected()
        harness.linkLost()
        #expect(harness.publish(self.zero, 1).failure(of: 1)?.kind == .notConnected)
    }

    @Test func `nothing waits when nobody wants a connection`() {
        var harness = EngineHarness { $0.offlineAtMostOnce = .queue }
        #expect(harness.publish(self.one, 1).failure(of: 1)?.kind == .notConnected)
        #expect(harness.publish(self.zero, 2).failure(of: 2)?.kind == .notConnected)
    }

    @Test func `QoS 1 fails at once without a connection when told so`() {
        var harness = EngineHarness.connected { $0.offlineAcknowledged = .fail }
        harness.linkLost()
        #expect(harness.publish(self.one, 1).failure(of: 1)?.kind == .notConnected)
    }

    // MARK: - Limits of another connection

    @Test(.sends("5:MQTT-3.2.2-11", "5:MQTT-3.2.2-14", "5:MQTT-3.2.2-15"))
    func `fault 22: a message that waited fails when the new server does not take it, and the next goes on`() {
        let long = message("a/long/topic/of/its/own", .atLeastOnce)
        let cases: [(PublishFrame, Property, EngineFailure.Kind)] = [
            (long, .maximumPacketSize(20), .packetTooLarge),
            (self.two, .maximumQoS(.atLeastOnce), .notSupportedByServer),
            (message("a", .atLeastOnce, retain: true), .retainAvailable(false), .notSupportedByServer),
        ]
        for (frame, limit, kind) in cases {
            var harness = EngineHarness.connected()
            harness.linkLost()
            harness.publish(frame, 1)
            harness.publish(self.one, 2)
            let effects = harness.redial(ConnAck(sessionPresent: true, properties: [limit]))
            #expect(effects.failure(of: 1)?.kind == kind)
            #expect(effects.sent == [sendPublish(self.one, 1)])
            #expect(harness.engine.session.outbound.pendingBytes == self.one.size)
        }
    }

    @Test(.sends("5:MQTT-3.2.2-15"), arguments: [true, false])
    func `fault 15: a message that was sent before and is not taken now does not loop`(sessionPresent: Bool) {
        var harness = EngineHarness.connected()
        harness.publish(message("a/long/topic/of/its/own", .atLeastOnce), 1)
        harness.publish(self.one, 2)
        let limits: Properties = [.maximumPacketSize(20), .receiveMaximum(1)]
        let effects = harness.reconnect(ConnAck(sessionPresent: sessionPresent, properties: limits))
        #expect(effects.failure(of: 1)?.kind == (sessionPresent ? .outcomeUnknown : .packetTooLarge))
        #expect(effects.sent.count == 1)
        #expect(harness.engine.session.outbound.exchanges.count == 1)
    }

    // MARK: - The end

    @Test(.sends("5:MQTT-3.14.4-2")) func `disconnecting ends every call, and says what was never sent`() {
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.receiveMaximum(1)]))
        harness.publish(self.one, 1)
        harness.publish(self.one, 2)
        let effects = harness.disconnect(3)
        #expect(effects.prefix(2) == [.send(.disconnect(Disconnect())), .close])
        #expect(effects.failure(of: 1)?.kind == .outcomeUnknown)
        #expect(effects.failure(of: 2)?.kind == .closed)
        #expect(effects.last == .complete(OperationID(3), .disconnected))
        #expect(harness.disconnect(4) == [.complete(OperationID(4), .disconnected)])
    }

    @Test(.sends("5:MQTT-3.1.2-23")) func `a kept session goes on after disconnecting, though nobody waits for it`() {
        var harness = EngineHarness.connected()
        harness.publish(self.two, 1)
        harness.receive(pubRec(1))
        harness.disconnect()
        #expect(harness.connect(ConnAck(sessionPresent: true)).sent.last == .send(pubRel(1)))
        #expect(harness.receive(pubComp(1)) == [])
        #expect(harness.engine.session.outbound.pendingBytes == 0)
    }

    @Test(
        .sends("5:MQTT-4.1.0-2"),
        .receives("5:MQTT-3.1.2-23", "U5-3.2.2.3.2-1"),
        arguments: [
            ConnAck(properties: [.sessionExpiryInterval(0)]),
            ConnAck(),
        ]
    )
    func `fault 23: a session that ends with the connection leaves nothing behind`(connAck: ConnAck) {
        var harness = EngineHarness.connected(connAck: connAck)
        harness.publish(self.one, 1)
        let expiry: Properties = connAck.properties.isEmpty ? [.sessionExpiryInterval(0)] : []
        harness.disconnect(2, packet: Disconnect(properties: expiry))
        #expect(harness.engine.session.outbound.exchanges.isEmpty)
        #expect(harness.engine.session.outbound.pendingBytes == 0)
        #expect(harness.connect().sent.count == 1)
    }

    @Test func `the end of the retries ends every call`() {
        var harness = EngineHarness.connected { $0.reconnect = .never }
        harness.publish(self.one, 1)
        harness.ping(2)
        let effects = harness.linkLost()
        #expect(effects.failure(of: 1)?.kind == .outcomeUnknown)
        #expect(effects.failure(of: 2)?.kind == .connectionLost)
        #expect(effects.last == .report(.gaveUp(.lost)))
        #expect(!harness.engine.isActive)
    }
}
