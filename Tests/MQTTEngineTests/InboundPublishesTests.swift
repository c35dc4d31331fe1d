// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

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

    @Test(arguments: ProtocolVersion.allCases)
    func `QoS 1 is acknowledged when the application has it`(version: ProtocolVersion) {
        var harness = Self.connected(version)
        let token = harness.arrive("t/1", .atLeastOnce, id: 5)
        #expect(harness.acknowledge(token) == [.send(pubAck(5))])
        #expect(harness.acknowledge(token) == [])
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `QoS 2 is delivered at PUBLISH, acknowledged by PUBREC and ended by PUBREL`(version: ProtocolVersion) {
        var harness = Self.connected(version)
        let token = harness.arrive("t/1", .exactlyOnce, id: 5)
        #expect(token != nil)
        #expect(harness.acknowledge(token) == [.send(pubRec(5))])
        #expect(harness.receive(pubRel(5)) == [.send(pubComp(5))])
        #expect(harness.arrive("t/1", .exactlyOnce, id: 5) != nil)
    }

    @Test func `QoS 0 needs no token`() {
        var harness = Self.connected()
        let destination = Destination(subscription: SubscriptionID(1), filter: 0, acknowledgesLater: true)
        let (arrival, effects) = harness.receivePublish(.message("t/1", .atMostOnce))
        #expect(arrival == .deliver(.one(destination), nil))
        #expect(effects == [])
    }

    @Test(arguments: [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]])
    func `fault 11: acknowledgements leave in the order of arrival`(order: [Int]) {
        var harness = Self.connected()
        let tokens = [
            harness.arrive("t/1", .atLeastOnce, id: 9), harness.arrive("t/2", .exactlyOnce, id: 3),
            harness.arrive("t/3", .atLeastOnce, id: 7), harness.arrive("t/4", .exactlyOnce, id: 1),
        ]
        let effects = order.flatMap { harness.acknowledge(tokens[$0]) }
        #expect(effects == [.send(pubAck(9)), .send(pubRec(3)), .send(pubAck(7)), .send(pubRec(1))])
    }

    @Test func `a subscription that acknowledges on arrival answers at once, behind those before it`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["now"], id: 1, acknowledgesLater: false), nil)
        harness.subscribe(.to(["later"], id: 2), nil)
        #expect(harness.receivePublish(.message("now", .atLeastOnce, 1)).effects == [.send(pubAck(1))])
        let token = harness.arrive("later", .atLeastOnce, id: 2)
        #expect(harness.receivePublish(.message("now", .atLeastOnce, 3)).effects == [])
        #expect(harness.acknowledge(token) == [.send(pubAck(2)), .send(pubAck(3))])
    }

    @Test func `a message nobody wants is acknowledged and reported`() {
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

    @Test(arguments: ProtocolVersion.allCases, [1, 2, 10])
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

    @Test func `QoS 2 that is repeated while the application has it is answered once it is done`() {
        var harness = Self.connected()
        let token = harness.arrive("t/1", .exactlyOnce, id: 5)
        #expect(harness.receivePublish(.message("t/1", .exactlyOnce, 5, true)).effects == [])
        #expect(harness.acknowledge(token) == [.send(pubRec(5))])
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `QoS 2 repeated on the next connection is not delivered again`(version: ProtocolVersion) {
        var harness = Self.connected(version)
        harness.acknowledge(harness.arrive("t/1", .exactlyOnce, id: 5))
        harness.reconnect(ConnAck(sessionPresent: version != .v31))
        let (arrival, effects) = harness.receivePublish(.message("t/1", .exactlyOnce, 5, true))
        #expect(arrival == .nothing)
        #expect(effects == [.send(pubRec(5))])
        #expect(harness.receive(pubRel(5)) == [.send(pubComp(5))])
    }

    @Test func `QoS 2 the application still has is answered on the next connection when it is done`() {
        var harness = Self.connected()
        let token = harness.arrive("t/1", .exactlyOnce, id: 5)
        harness.reconnect()
        #expect(harness.arrive("t/1", .exactlyOnce, id: 5, duplicate: true) == nil)
        let later = harness.arrive("t/2", .atLeastOnce, id: 6)
        #expect(harness.acknowledge(later) == [])
        #expect(harness.acknowledge(token) == [.send(pubRec(5)), .send(pubAck(6))])
    }

    @Test(arguments: [ReasonCode.success, .quotaExceeded])
    func `what was said while the link was down is answered when the message comes again`(reason: ReasonCode) {
        var harness = Self.connected()
        let token = harness.arrive("t/1", .exactlyOnce, id: 5)
        harness.linkLost()
        #expect(harness.acknowledge(token, reason: reason) == [])
        harness.redial()
        #expect(harness.receivePublish(.message("t/1", .exactlyOnce, 5, true)).effects == [.send(pubRec(5, reason))])
    }

    @Test func `an identifier of a lost session is a new message`() {
        var harness = Self.connected()
        let old = harness.arrive("t/1", .exactlyOnce, id: 5)
        harness.reconnect(ConnAck())
        let new = harness.arrive("t/1", .exactlyOnce, id: 5)
        #expect(new != nil)
        #expect(harness.acknowledge(old) == [])
        #expect(harness.acknowledge(new) == [.send(pubRec(5))])
    }

    @Test func `QoS 1 on the next connection is delivered again, and old tokens do no harm`() {
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

    @Test(arguments: ProtocolVersion.allCases)
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

    @Test func `a rejected QoS 1 message is acknowledged with the reason`() {
        var harness = Self.connected()
        let token = harness.arrive("t/1", .atLeastOnce, id: 5)
        #expect(harness.acknowledge(token, reason: .payloadFormatInvalid) == [.send(pubAck(5, .payloadFormatInvalid))])
    }

    @Test func `behind a negative PUBREC the identifier is a new message`() {
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

    @Test(arguments: [1, 2, 20])
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

    @Test func `QoS 2 holds its place until PUBREL`() {
        var harness = Self.connected { $0.receiveMaximum = 1 }
        harness.acknowledge(harness.arrive("t/1", .exactlyOnce, id: 1))
        harness.receive(pubRel(1))
        harness.acknowledge(harness.arrive("t/1", .exactlyOnce, id: 2))
        let effects = harness.receivePublish(.message("t/1", .atLeastOnce, 3)).effects
        #expect(effects.disconnected?.kind == .protocolViolation)
    }

    @Test func `a rejection, and a new connection, free the place`() {
        var harness = Self.connected { $0.receiveMaximum = 1 }
        harness.acknowledge(harness.arrive("t/1", .exactlyOnce, id: 1), reason: .quotaExceeded)
        #expect(harness.arrive("t/1", .exactlyOnce, id: 2) != nil)
        harness.reconnect()
        #expect(harness.arrive("t/1", .exactlyOnce, id: 2, duplicate: true) == nil)
        #expect(harness.arrive("t/1", .atLeastOnce, id: 3) != nil)
        #expect(harness.engine.isConnected)
    }

    @Test(arguments: [ProtocolVersion.v31, .v311])
    func `before 5.0 nothing was announced, so nothing is policed`(version: ProtocolVersion) {
        var harness = Self.connected(version) { $0.receiveMaximum = 1 }
        for number in 1...500 as ClosedRange<UInt16> { #expect(harness.arrive("t/1", .atLeastOnce, id: number) != nil) }
        #expect(harness.engine.isConnected)
    }
}
