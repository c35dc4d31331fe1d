// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

@Suite struct InboundPublishesTests {
    /// A connection with a subscription that acknowledges later.
    private static func connected(
        _ version: ProtocolVersion = .v5,
        subscriptions: Int = 1,
        configure: (inout EngineConfiguration) -> Void = { _ in }
    ) -> EngineHarness {
        var harness = EngineHarness.connected(version, configure: configure)
        for number in 1...subscriptions {
            harness.subscribe(.to(["t/#"], id: UInt32(number)), nil)
            harness.receive(subAck(UInt16(number), .grantedQoS2))
        }
        return harness
    }

    @Test(
        .sends(
            "5:MQTT-2.2.1-5",
            "5:MQTT-3.3.4-1",
            "5:MQTT-4.3.2-4",
            "3.1.1:MQTT-2.3.1-6",
            "3.1.1:MQTT-3.3.4-1",
            "3.1.1:MQTT-4.3.2-2"
        ),
        arguments: ProtocolVersion.allCases
    )
    func `QoS 1 is acknowledged when the application has it`(version: ProtocolVersion) {
        var harness = Self.connected(version)
        let token = harness.arrive("t/1", .atLeastOnce, id: 5)
        #expect(harness.acknowledge(token) == [.send(pubAck(5))])
        #expect(harness.acknowledge(token) == [])
    }

    @Test(
        .sends(
            "5:MQTT-2.2.1-5",
            "5:MQTT-3.3.4-1",
            "5:MQTT-4.3.3-8",
            "5:MQTT-4.3.3-11",
            "3.1.1:MQTT-2.3.1-6",
            "3.1.1:MQTT-3.3.4-1",
            "3.1.1:MQTT-4.3.3-2"
        ),
        .receives(
            "5:MQTT-4.3.3-4",
            "5:MQTT-4.3.3-6",
            "5:MQTT-4.3.3-11",
            "5:MQTT-4.3.3-12",
            "3.1.1:MQTT-4.3.3-1",
            "3.1.1:MQTT-4.3.3-2"
        ),
        arguments: ProtocolVersion.allCases
    )
    func `QoS 2 is delivered at PUBLISH, acknowledged by PUBREC and ended by PUBREL`(version: ProtocolVersion) {
        var harness = Self.connected(version)
        let token = harness.arrive("t/1", .exactlyOnce, id: 5)
        #expect(token != nil)
        #expect(harness.acknowledge(token) == [.send(pubRec(5))])
        #expect(harness.receive(pubRel(5)) == [.send(pubComp(5))])
        #expect(harness.arrive("t/1", .exactlyOnce, id: 5) != nil)
    }

    @Test(.sends("5:MQTT-3.3.4-1")) func `QoS 0 needs no token`() {
        var harness = Self.connected()
        let destination = Destination(subscription: SubscriptionID(1), filter: 0, acknowledgesLater: true)
        let (arrival, effects) = harness.receivePublish(.message("t/1", .atMostOnce))
        #expect(arrival == .deliver(.one(destination), nil))
        #expect(effects == [])
    }

    @Test(
        .sends("5:MQTT-4.6.0-2", "5:MQTT-4.6.0-3"),
        arguments: [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]]
    )
    func `fault 11: acknowledgements leave in the order of arrival`(order: [Int]) {
        var harness = Self.connected()
        let tokens = [
            harness.arrive("t/1", .atLeastOnce, id: 9), harness.arrive("t/2", .exactlyOnce, id: 3),
            harness.arrive("t/3", .atLeastOnce, id: 7), harness.arrive("t/4", .exactlyOnce, id: 1),
        ]
        let effects = order.flatMap { harness.acknowledge(tokens[$0]) }
        #expect(effects == [.send(pubAck(9)), .send(pubRec(3)), .send(pubAck(7)), .send(pubRec(1))])
    }

    @Test(.sends("5:MQTT-4.6.0-2"))
    func `a subscription that acknowledges on arrival answers at once, behind those before it`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["now"], id: 1, acknowledgesLater: false), nil)
        harness.subscribe(.to(["later"], id: 2), nil)
        #expect(harness.receivePublish(.message("now", .atLeastOnce, 1)).effects == [.send(pubAck(1))])
        let token = harness.arrive("later", .atLeastOnce, id: 2)
        #expect(harness.receivePublish(.message("now", .atLeastOnce, 3)).effects == [])
        #expect(harness.acknowledge(token) == [.send(pubAck(2)), .send(pubAck(3))])
    }

    @Test(.sends("5:MQTT-4.5.0-2"), .receives("5:MQTT-3.3.2-3"))
    func `a message nobody wants is acknowledged and reported`() {
        var harness = Self.connected()
        let (arrival, effects) = harness.receivePublish(.message("other", .exactlyOnce, 4))
        #expect(arrival == .nothing)
        #expect(effects == [.send(pubRec(4)), .report(.unmatched(topic: "other"))])
        #expect(harness.receivePublish(.message("other", .atMostOnce)).effects == [.report(.unmatched(topic: "other"))])
    }

    @Test func `a message of two subscriptions waits for both`() {
        var harness = Self.connected(subscriptions: 2)
        let (arrival, _) = harness.receivePublish(.message("t/1", .exactlyOnce, 8))
        guard case .deliver(let route, let token?) = arrival else {
            Issue.record("not delivered")
            return
        }
        #expect(route.acknowledgers == 2)
        #expect(harness.acknowledge(token) == [])
        #expect(harness.acknowledge(token) == [.send(pubRec(8))])
    }

    // MARK: - Repetitions

    @Test(
        .sends("5:MQTT-4.3.3-10", "3.1.1:MQTT-4.3.3-2"),
        .receives("5:MQTT-4.3.3-1", "5:MQTT-4.3.3-10", "3.1.1:MQTT-4.3.3-1", "3.1.1:MQTT-4.3.3-2"),
        arguments: ProtocolVersion.allCases,
        [1, 2, 10]
    )
    func `fault 38: QoS 2 that is repeated before PUBREL is answered each time and delivered once`(
        version: ProtocolVersion,
        times: Int
    ) {
        var harness = Self.connected(version)
        harness.acknowledge(harness.arrive("t/1", .exactlyOnce, id: 5))
        for _ in 0..<times {
            let (arrival, effects) = harness.receivePublish(.message("t/1", .exactlyOnce, 5, true))
            #expect(arrival == .nothing)
            #expect(effects == [.send(pubRec(5))])
        }
    }

    @Test(.sends("5:MQTT-4.3.3-10"))
    func `QoS 2 that is repeated while the application has it is answered once it is done`() {
        var harness = Self.connected()
        let token = harness.arrive("t/1", .exactlyOnce, id: 5)
        #expect(harness.receivePublish(.message("t/1", .exactlyOnce, 5, true)).effects == [])
        #expect(harness.acknowledge(token) == [.send(pubRec(5))])
    }

    @Test(
        .sends("5:MQTT-4.3.3-10"),
        .receives(
            "5:MQTT-3.1.2-23",
            "5:MQTT-4.4.0-1",
            "U5-4.1-1?",
            "3.1.1:MQTT-3.1.2-4",
            "3.1.1:MQTT-4.4.0-1",
            "3.1.1:MQTT-4.1.0-1"
        ),
        arguments: ProtocolVersion.allCases
    )
    func `QoS 2 repeated on the next connection is not delivered again`(version: ProtocolVersion) {
        var harness = Self.connected(version)
        harness.acknowledge(harness.arrive("t/1", .exactlyOnce, id: 5))
        harness.reconnect(ConnAck(sessionPresent: version != .v31))
        let (arrival, effects) = harness.receivePublish(.message("t/1", .exactlyOnce, 5, true))
        #expect(arrival == .nothing)
        #expect(effects == [.send(pubRec(5))])
        #expect(harness.receive(pubRel(5)) == [.send(pubComp(5))])
    }

    @Test(.sends("5:MQTT-4.6.0-2", "5:MQTT-4.6.0-3"), .receives("5:MQTT-4.3.3-3", "5:MQTT-3.3.1-1"))
    func `QoS 2 the application still has is answered on the next connection when it is done`() {
        var harness = Self.connected()
        let token = harness.arrive("t/1", .exactlyOnce, id: 5)
        harness.reconnect()
        #expect(harness.arrive("t/1", .exactlyOnce, id: 5, duplicate: true) == nil)
        let later = harness.arrive("t/2", .atLeastOnce, id: 6)
        #expect(harness.acknowledge(later) == [])
        #expect(harness.acknowledge(token) == [.send(pubRec(5)), .send(pubAck(6))])
    }

    @Test(.sends("5:MQTT-4.3.3-8"), .receives("5:MQTT-4.4.0-2"), arguments: [ReasonCode.success, .quotaExceeded])
    func `what was said while the link was down is answered when the message comes again`(reason: ReasonCode) {
        var harness = Self.connected()
        let token = harness.arrive("t/1", .exactlyOnce, id: 5)
        harness.linkLost()
        #expect(harness.acknowledge(token, reason: reason) == [])
        harness.redial()
        #expect(harness.receivePublish(.message("t/1", .exactlyOnce, 5, true)).effects == [.send(pubRec(5, reason))])
    }

    @Test(.sends("5:MQTT-3.2.2-5"), .receives("5:MQTT-3.1.2-4"))
    func `an identifier of a lost session is a new message`() {
        var harness = Self.connected()
        let old = harness.arrive("t/1", .exactlyOnce, id: 5)
        harness.reconnect(ConnAck())
        let new = harness.arrive("t/1", .exactlyOnce, id: 5)
        #expect(new != nil)
        #expect(harness.acknowledge(old) == [])
        #expect(harness.acknowledge(new) == [.send(pubRec(5))])
    }

    @Test(.receives("5:MQTT-4.3.2-3", "5:MQTT-4.3.2-5", "5:MQTT-3.3.1-1"))
    func `QoS 1 on the next connection is delivered again, and old tokens do no harm`() {
        var harness = Self.connected()
        let old = harness.arrive("t/1", .atLeastOnce, id: 5)
        harness.reconnect()
        let new = harness.arrive("t/1", .atLeastOnce, id: 5, duplicate: true)
        #expect(harness.acknowledge(old) == [])
        #expect(harness.acknowledge(new) == [.send(pubAck(5))])
    }

    @Test func `an acknowledgement without a connection does no harm`() {
        var harness = Self.connected()
        let token = harness.arrive("t/1", .atLeastOnce, id: 5)
        harness.disconnect()
        #expect(harness.acknowledge(token) == [])
    }

    @Test(
        .sends("U5-4.3.3-1?", "5:MQTT-4.3.3-11", "5:MQTT-3.7.2-1", "3.1.1:MQTT-2.3.1-6"),
        .receives("5:MQTT-2.2.1-5", "U5-4.3.3-1?", "3.1.1:MQTT-2.3.1-6"),
        arguments: ProtocolVersion.allCases
    )
    func `PUBREL for an identifier nobody knows is answered`(version: ProtocolVersion) {
        var harness = Self.connected(version)
        let reason: ReasonCode = version == .v5 ? .packetIdentifierNotFound : .success
        #expect(harness.receive(pubRel(9)) == [.send(pubComp(9, reason))])
    }

    @Test func `PUBREL before our PUBREC ends the exchange`() {
        var harness = Self.connected()
        let token = harness.arrive("t/1", .exactlyOnce, id: 5)
        #expect(harness.receive(pubRel(5)) == [.send(pubComp(5))])
        #expect(harness.acknowledge(token) == [])
    }

    // MARK: - Rejection

    @Test(.sends("U5-4.13.2-1", "U5-3.3.2.3.2-1", "5:MQTT-3.4.2-1"))
    func `a rejected QoS 1 message is acknowledged with the reason`() {
        var harness = Self.connected()
        let token = harness.arrive("t/1", .atLeastOnce, id: 5)
        #expect(harness.acknowledge(token, reason: .payloadFormatInvalid) == [.send(pubAck(5, .payloadFormatInvalid))])
    }

    @Test(.sends("5:MQTT-3.5.2-1"), .receives("5:MQTT-4.3.3-9"))
    func `behind a negative PUBREC the identifier is a new message`() {
        var harness = Self.connected()
        let token = harness.arrive("t/1", .exactlyOnce, id: 5)
        #expect(harness.acknowledge(token, reason: .notAuthorized) == [.send(pubRec(5, .notAuthorized))])
        #expect(harness.arrive("t/1", .exactlyOnce, id: 5) != nil)
    }

    @Test(arguments: [ProtocolVersion.v31, .v311])
    func `before 5.0 a rejection is an acknowledgement like any other`(version: ProtocolVersion) {
        var harness = Self.connected(version)
        let token = harness.arrive("t/1", .exactlyOnce, id: 5)
        #expect(harness.acknowledge(token, reason: .notAuthorized) == [.send(pubRec(5))])
    }

    // MARK: - Receive maximum

    @Test(.receives("5:MQTT-3.3.4-9", "5:MQTT-4.9.0-1", "5:MQTT-4.9.0-2"), arguments: [1, 2, 20])
    func `fault 14: more than our receive maximum closes the connection`(maximum: UInt16) {
        var harness = Self.connected { $0.receiveMaximum = maximum }
        for number in 1...maximum {
            let qos: QoS = number.isMultiple(of: 2) ? .exactlyOnce : .atLeastOnce
            #expect(harness.arrive("t/1", qos, id: number) != nil)
        }
        #expect(harness.receivePublish(.message("t/1", .atMostOnce)).arrival != .nothing)
        let (arrival, effects) = harness.receivePublish(.message("t/1", .atLeastOnce, maximum + 1))
        #expect(arrival == .nothing)
        #expect(effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .receiveMaximumExceeded))), .close])
    }

    @Test(.receives("5:MQTT-4.9.0-2", "U5-4.9-1")) func `QoS 2 holds its place until PUBREL`() {
        var harness = Self.connected { $0.receiveMaximum = 1 }
        harness.acknowledge(harness.arrive("t/1", .exactlyOnce, id: 1))
        harness.receive(pubRel(1))
        harness.acknowledge(harness.arrive("t/1", .exactlyOnce, id: 2))
        let effects = harness.receivePublish(.message("t/1", .atLeastOnce, 3)).effects
        #expect(effects.disconnected?.kind == .protocolViolation)
    }

    @Test(.receives("5:MQTT-4.4.0-2", "5:MQTT-4.9.0-2", "U5-4.9-1"))
    func `a rejection, and a new connection, free the place`() {
        var harness = Self.connected { $0.receiveMaximum = 1 }
        harness.acknowledge(harness.arrive("t/1", .exactlyOnce, id: 1), reason: .quotaExceeded)
        #expect(harness.arrive("t/1", .exactlyOnce, id: 2) != nil)
        harness.reconnect()
        #expect(harness.arrive("t/1", .exactlyOnce, id: 2, duplicate: true) == nil)
        #expect(harness.arrive("t/1", .atLeastOnce, id: 3) != nil)
        #expect(harness.engine.isConnected)
    }

    @Test(
        .sends(
            "5:MQTT-3.4.2-2",
            "5:MQTT-3.4.2-3",
            "5:MQTT-3.5.2-2",
            "5:MQTT-3.5.2-3",
            "5:MQTT-3.6.2-2",
            "5:MQTT-3.6.2-3",
            "5:MQTT-3.7.2-2",
            "5:MQTT-3.7.2-3"
        ),
        arguments: [ReasonCode.success, .quotaExceeded]
    )
    func `an acknowledgement of ours carries no properties, so that a server with little room gets it all the same`(
        reason: ReasonCode
    ) throws {
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.maximumPacketSize(20)]))
        harness.subscribe(.to(["a"]), 1)
        harness.receive(subAck(1, .grantedQoS2))
        var sent: [Effect] = []
        sent += harness.acknowledge(harness.arrive("a", .atLeastOnce, id: 1), reason: reason)
        sent += harness.acknowledge(harness.arrive("a", .exactlyOnce, id: 2), reason: reason)
        sent += harness.receive(pubRel(2)) + harness.receive(pubRel(3))
        harness.publish(message("a", .exactlyOnce), 2)
        sent += harness.receive(pubRec(2)) + harness.receive(pubRec(9))
        let packets = sent.compactMap { effect -> Packet? in if case .send(let packet) = effect { packet } else { nil }
        }
        #expect(packets.count == 6)
        for packet in packets { #expect(try PacketEncoder(version: .v5).encodedSize(of: packet) <= 5) }
    }

    @Test(.receives("5:MQTT-4.3.3-7", "5:MQTT-4.3.3-13"))
    func `a message that was received goes on to its end, long after it expired`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a"]), 1)
        harness.receive(subAck(1, .grantedQoS2))
        let message = Publish.message("a", .exactlyOnce, 5, properties: [.messageExpiryInterval(1)])
        guard case .deliver(_, let token) = harness.receivePublish(message).arrival else {
            Issue.record("not delivered")
            return
        }
        harness.now = harness.now.advanced(by: .seconds(3_600))
        #expect(harness.acknowledge(token) == [.send(pubRec(5))])
        harness.now = harness.now.advanced(by: .seconds(3_600))
        #expect(harness.receive(pubRel(5)) == [.send(pubComp(5))])
    }

    @Test(arguments: [ProtocolVersion.v31, .v311])
    func `before 5.0 nothing was announced, so nothing is policed`(version: ProtocolVersion) {
        var harness = Self.connected(version) { $0.receiveMaximum = 1 }
        for number in 1...500 as ClosedRange<UInt16> { #expect(harness.arrive("t/1", .atLeastOnce, id: number) != nil) }
        #expect(harness.engine.isConnected)
    }
}
