// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// QoS 1 and 2 to the server, on one connection.
@Suite struct OutboundPublishesTests {
    private let one = message("one", .atLeastOnce)
    private let two = message("two", .exactlyOnce)

    @Test(arguments: ProtocolVersion.allCases)
    func `QoS 0 is sent at once and never waits`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        let frame = message("zero", .atMostOnce)
        #expect(harness.publish(frame, 1) == [.sendUnacknowledged(frame)])
        #expect(!harness.engine.isAwaitingReply)
    }

    @Test(
        .sends("5:MQTT-4.3.2-2", "5:MQTT-4.3.2-3", "5:MQTT-3.3.1-3", "3.1.1:MQTT-4.3.2-1", "3.1.1:MQTT-3.3.1-3"),
        arguments: ProtocolVersion.allCases
    )
    func `QoS 1 ends at PUBACK`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        #expect(harness.publish(self.one, 1) == [sendPublish(self.one, 1)])
        #expect(harness.engine.isAwaitingReply)
        #expect(harness.receive(pubAck(1)) == [published(1)])
        #expect(!harness.engine.isAwaitingReply)
        #expect(harness.engine.session.outbound.pendingBytes == 0)
    }

    @Test(
        .sends(
            "5:MQTT-2.2.1-5",
            "5:MQTT-4.3.3-2",
            "5:MQTT-4.3.3-4",
            "5:MQTT-4.3.3-5",
            "3.1.1:MQTT-2.3.1-6",
            "3.1.1:MQTT-4.3.3-1",
            "3.1.1:MQTT-3.3.1-3"
        ),
        arguments: ProtocolVersion.allCases
    )
    func `QoS 2 ends at PUBCOMP, behind PUBREC and PUBREL`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        #expect(harness.publish(self.two, 1) == [sendPublish(self.two, 1)])
        #expect(harness.receive(pubRec(1)) == [.send(pubRel(1))])
        #expect(harness.receive(pubComp(1)) == [published(1)])
        #expect(harness.engine.session.outbound.pendingBytes == 0)
    }

    @Test func `the reason of PUBACK reaches the call`() {
        var harness = EngineHarness.connected()
        harness.publish(self.one, 1)
        #expect(harness.receive(pubAck(1, .noMatchingSubscribers)) == [published(1, .noMatchingSubscribers)])
    }

    @Test(.receives("5:MQTT-3.4.2-1", "U5-4.13.2-1")) func `a negative PUBACK ends the call with the reason`() {
        var harness = EngineHarness.connected()
        harness.publish(self.one, 1)
        let refused = Completion.publishRefused(.quotaExceeded, [])
        #expect(harness.receive(pubAck(1, .quotaExceeded)) == [.complete(OperationID(1), refused)])
    }

    @Test(.sends("5:MQTT-4.3.3-4", "5:MQTT-4.3.3-9"), .receives("5:MQTT-3.5.2-1", "U5-4.13.2-1", "U5-4.9-1"))
    func `a negative PUBREC ends the exchange without PUBREL and frees its identifier`() {
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.receiveMaximum(1)]))
        harness.publish(self.two, 1)
        harness.publish(self.one, 2)
        let refused = Completion.publishRefused(.notAuthorized, [])
        #expect(
            harness.receive(pubRec(1, .notAuthorized)) == [
                .complete(OperationID(1), refused), sendPublish(self.one, 2),
            ]
        )
    }

    @Test(.receives("5:MQTT-3.7.2-1")) func `a PUBCOMP that does not know the identifier ends the call well`() {
        var harness = EngineHarness.connected()
        harness.publish(self.two, 1)
        harness.receive(pubRec(1))
        #expect(harness.receive(pubComp(1, .packetIdentifierNotFound)) == [published(1)])
    }

    @Test(arguments: ProtocolVersion.allCases)
    func `fault 11: acknowledgements may come in any order across identifiers`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        for operation in 1...3 { harness.publish(self.one, UInt64(operation)) }
        #expect(harness.receive(pubAck(3)) == [published(3)])
        #expect(harness.receive(pubAck(1)) == [published(1)])
        #expect(harness.receive(pubAck(2)) == [published(2)])
    }

    @Test(
        .receives("5:MQTT-2.2.1-5", "5:MQTT-4.3.2-4", "3.1.1:MQTT-2.3.1-6", "3.1.1:MQTT-4.3.2-2"),
        arguments: ProtocolVersion.allCases
    )
    func `fault 9: acknowledgements that come twice, or for nothing, are ignored`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        harness.publish(self.one, 1)
        harness.receive(pubAck(1))
        #expect(harness.receive(pubAck(1)) == [])
        #expect(harness.receive(pubAck(99)) == [])
        #expect(harness.receive(pubComp(99)) == [])
        #expect(harness.engine.isConnected)
    }

    @Test(
        .sends("5:MQTT-3.6.2-1", "U5-4.3.3-1?", "3.1.1:MQTT-2.3.1-6"),
        .receives("5:MQTT-2.2.1-5", "U5-4.3.3-1?", "3.1.1:MQTT-2.3.1-6"),
        arguments: ProtocolVersion.allCases
    )
    func `fault 9: a PUBREC for an identifier nobody knows is answered`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        let reason: ReasonCode = version == .v5 ? .packetIdentifierNotFound : .success
        #expect(harness.receive(pubRec(9)) == [.send(pubRel(9, reason))])
        #expect(harness.receive(pubComp(9)) == [])
    }

    @Test func `a negative PUBREC for an identifier nobody knows needs no answer`() {
        var harness = EngineHarness.connected()
        #expect(harness.receive(pubRec(9, .unspecifiedError)) == [])
    }

    @Test(.sends("5:MQTT-4.3.3-5"), .receives("5:MQTT-4.3.3-3"), arguments: ProtocolVersion.allCases)
    func `a PUBREC that comes twice is answered twice`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        harness.publish(self.two, 1)
        #expect(harness.receive(pubRec(1)) == [.send(pubRel(1))])
        #expect(harness.receive(pubRec(1)) == [.send(pubRel(1))])
        #expect(harness.receive(pubComp(1)) == [published(1)])
        #expect(harness.receive(pubComp(1)) == [])
    }

    @Test(
        .receives(
            "5:MQTT-2.2.1-5",
            "5:MQTT-3.3.4-1",
            "5:MQTT-4.3.3-8",
            "3.1.1:MQTT-2.3.1-6",
            "3.1.1:MQTT-3.3.4-1",
            "3.1.1:MQTT-4.8.0-1"
        ),
        arguments: ProtocolVersion.allCases,
        [
            [pubRec(1)], [pubComp(1)], [pubAck(2)], [pubComp(2)], [pubRec(2), pubAck(2)], [pubAck(3)], [pubRec(3)],
        ]
    )
    func `the wrong kind of acknowledgement breaks the protocol`(version: ProtocolVersion, packets: [Packet]) {
        var harness = EngineHarness.connected(version)
        harness.publish(self.one, 1)
        harness.publish(self.two, 2)
        harness.subscribe(.to(["a"]), 3)
        var effects: [Effect] = []
        for packet in packets { effects = harness.receive(packet) }
        let words: [Effect] = version == .v5 ? [.send(.disconnect(Disconnect(reason: .protocolError)))] : []
        #expect(Array(effects.prefix(words.count + 1)) == words + [.close])
        #expect(effects.disconnected?.kind == .protocolViolation)
        #expect(effects.completions == [])
    }

    @Test func `an UNSUBACK with the identifier of a message leaves the message alone`() {
        var harness = EngineHarness.connected()
        harness.publish(self.one, 1)
        #expect(harness.receive(unsubAck(1, .success)).disconnected?.kind == .protocolViolation)
        #expect(harness.redial().sent == [sendPublish(self.one, 1, duplicate: true)])
        #expect(harness.receive(pubAck(1)) == [published(1)])
    }

    // MARK: - Quota

    @Test(.sends("5:MQTT-3.3.4-7", "5:MQTT-4.9.0-1", "5:MQTT-4.9.0-2", "U5-4.9-1"), arguments: [1, 2])
    func `fault 13: no more messages are in flight than the server takes`(maximum: UInt16) {
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.receiveMaximum(maximum)]))
        for number in 1...maximum { #expect(harness.publish(self.one, UInt64(number)).sent.count == 1) }
        #expect(harness.publish(self.two, 10) == [])
        #expect(harness.publish(self.one, 11) == [])
        #expect(harness.receive(pubAck(1)) == [published(1), sendPublish(self.two, maximum + 1)])
        if maximum == 2 {
            #expect(harness.receive(pubAck(2)) == [published(2), sendPublish(self.one, 4)])
        } else {
            #expect(harness.receive(pubRec(2)) == [.send(pubRel(2))])
            #expect(harness.receive(pubComp(2)) == [published(10), sendPublish(self.one, 3)])
        }
    }

    @Test(.sends("5:MQTT-3.3.4-8", "5:MQTT-4.9.0-3")) func `fault 13: a full window stops nothing but QoS 1 and 2`() {
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.receiveMaximum(1)]))
        harness.publish(self.one, 1)
        harness.publish(self.one, 2)
        #expect(harness.publish(message("zero", .atMostOnce), 3).sent.count == 1)
        #expect(harness.subscribe(.to(["a"]), 4).sent.count == 1)
        #expect(harness.ping(5).sent.count == 1)
        let token = harness.arrive("a", .atLeastOnce, id: 7)
        #expect(harness.acknowledge(token).sent == [.send(pubAck(7))])
    }

    @Test(arguments: [ProtocolVersion.v31, .v311])
    func `before 5.0 a hundred messages are in flight`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        for number in 1...100 { #expect(harness.publish(self.one, UInt64(number)).count == 1) }
        #expect(harness.publish(self.one, 101) == [])
    }

    @Test(arguments: ProtocolVersion.allCases, [1, 3, 200])
    func `our own window counts where it is the smaller, and before 5.0 alone`(version: ProtocolVersion, window: Int) {
        let connAck = version == .v5 ? ConnAck(properties: [.receiveMaximum(150)]) : ConnAck()
        var harness = EngineHarness.connected(version, connAck: connAck) { $0.inFlightWindow = window }
        for number in 1...300 { harness.publish(self.one, UInt64(number)) }
        #expect(harness.engine.session.outbound.exchanges.count == min(window, version == .v5 ? 150 : 200))
    }

    @Test(.sends("5:MQTT-4.9.0-2", "U5-4.9-1"), .receives("U5-4.9-1"))
    func `an acknowledgement that comes twice gives no second place in the window`() {
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.receiveMaximum(1)]))
        for number in 1...3 { harness.publish(self.one, UInt64(number)) }
        #expect(harness.receive(pubAck(1)).sent.count == 1)
        #expect(harness.receive(pubAck(1)) == [])
    }

    // MARK: - Bounds

    @Test func `fault 26: messages beyond the bound of the count are refused`() {
        var harness = EngineHarness.connected { $0.pendingLimit = 2 }
        harness.publish(self.one, 1)
        harness.publish(self.one, 2)
        #expect(harness.publish(self.one, 3).failure(of: 3)?.kind == .queueFull)
        harness.receive(pubAck(1))
        #expect(harness.publish(self.one, 4).sent.count == 1)
    }

    @Test func `fault 26: messages beyond the bound of the bytes are refused`() {
        let size = self.one.size
        var harness = EngineHarness.connected { $0.pendingBytesLimit = 2 * size }
        harness.publish(self.one, 1)
        harness.publish(self.one, 2)
        #expect(harness.publish(self.one, 3).failure(of: 3)?.kind == .queueFull)
        harness.receive(pubAck(2))
        #expect(harness.publish(self.one, 4).sent.count == 1)
    }

    // MARK: - Identifiers

    @Test func `identifiers count up from 1 and are not used again soon`() {
        var harness = EngineHarness.connected()
        for number in UInt16(1)...20 {
            #expect(harness.publish(self.one, UInt64(number)) == [sendPublish(self.one, number)])
            harness.receive(pubAck(number))
        }
    }

    @Test(.sends("5:MQTT-2.2.1-3")) func `requests and messages share the identifiers`() {
        var harness = EngineHarness.connected()
        harness.publish(self.one, 1)
        #expect(harness.subscribe(.to(["a"]), 2) == [sendSubscribe(2, ["a"])])
        #expect(harness.publish(self.one, 3) == [sendPublish(self.one, 3)])
    }

    @Test(.sends("5:MQTT-2.2.1-3", "5:MQTT-4.3.2-1", "5:MQTT-4.3.3-1"), arguments: [UInt16(1), 2, 100])
    func `fault 12: an identifier that stays in use is passed over, round after round`(held: UInt16) {
        var harness = EngineHarness.connected()
        for number in 1..<held {
            harness.publish(self.one, UInt64(number))
            harness.receive(pubAck(number))
        }
        harness.publish(self.two, 1_000_000)
        var used: [UInt16] = []
        for number in 0..<140_000 as Range<UInt64> {
            guard case .sendPublish(_, let packetID, _) = harness.publish(self.one, number).first else {
                Issue.record("not sent")
                return
            }
            used.append(packetID.rawValue)
            harness.receive(.pubAck(Acknowledgement(packetID: packetID)))
        }
        #expect(!used.contains(held))
        #expect(Array(used.prefix(65_534)) == Array(used.dropFirst(65_534).prefix(65_534)))
        #expect(Set(used).count == 65_534)
        harness.receive(pubRec(held))
        #expect(harness.receive(pubComp(held)) == [published(1_000_000)])
    }

    @Test(.sends("5:MQTT-2.2.1-3", "5:MQTT-4.3.2-1"))
    func `fault 12: all identifiers may be in use at once, and each comes back`() {
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.receiveMaximum(65_535)])) {
            $0.pendingLimit = 100_000
        }
        for number in 1...65_535 as ClosedRange<UInt64> {
            guard harness.publish(self.one, number) == [sendPublish(self.one, UInt16(number))] else {
                Issue.record("identifier \(number) was not used")
                return
            }
        }
        #expect(harness.publish(self.one, 70_000) == [])
        #expect(harness.receive(pubAck(40_000)) == [published(40_000), sendPublish(self.one, 40_000)])
        for number in 1...65_535 as ClosedRange<UInt16> where number != 40_000 { harness.receive(pubAck(number)) }
        #expect(harness.receive(pubAck(40_000)) == [published(70_000)])
        #expect(harness.engine.session.outbound.exchanges.isEmpty)
        #expect(harness.engine.session.outbound.pendingBytes == 0)
    }

    @Test func `a message waits for the identifier of a request`() {
        var harness = EngineHarness.connected { $0.pendingLimit = 100_000 }
        harness.subscribe(.to(["a"]), 1)
        for number in 2...65_536 as ClosedRange<UInt64> { harness.publish(self.one, number) }
        #expect(harness.engine.session.outbound.exchanges.count == 65_535)
        #expect(harness.receive(subAck(1, .grantedQoS2)).sent == [sendPublish(self.one, 1)])
    }
}
