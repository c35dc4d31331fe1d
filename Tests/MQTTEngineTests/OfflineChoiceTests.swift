// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// What calls do without a connection, and what time does to those that wait.
@Suite struct OfflineChoiceTests {
    private static func expiring(_ topic: String, _ qos: QoS, expiry: UInt32?) -> PublishFrame {
        var message = OutgoingMessage(topic: topic, qos: qos)
        message.properties.messageExpiryInterval = expiry
        guard let frame = try? PublishFrame(message, version: .v5) else {
            preconditionFailure("The test's own message cannot be sent")
        }
        return frame
    }

    private static func disconnected() -> EngineHarness {
        var harness = EngineHarness.connected { $0.reconnect.initialDelay = .seconds(600) }
        harness.linkLost()
        return harness
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `to fail is to fail at once`(qos: QoS) {
        var harness = Self.disconnected()
        #expect(harness.publish(message("a", qos), 1, offline: .fail).failure(of: 1)?.kind == .notConnected)
        #expect(harness.redial().sent.isEmpty)
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `to wait ends with the message`(qos: QoS) {
        var harness = Self.disconnected()
        let frame = message("a", qos)
        #expect(harness.publish(frame, 1, offline: .wait(atMost: nil)).isEmpty)
        let effects = harness.redial()
        #expect(effects.sent == [qos == .atMostOnce ? .sendUnacknowledged(frame) : sendPublish(frame, 1)])
        #expect((effects.completions == [published(1)]) == (qos == .atMostOnce))
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `to wait for a time ends with a timeout, and nothing is sent`(qos: QoS) {
        var harness = Self.disconnected()
        #expect(harness.publish(message("a", qos), 1, offline: .wait(atMost: .seconds(5))).isEmpty)
        harness.publish(message("b", .atLeastOnce), 2, offline: .wait(atMost: nil))
        #expect(harness.engine.nextDeadline == harness.now.advanced(by: .seconds(5)))
        #expect(harness.pass(.milliseconds(4_999)).isEmpty)
        #expect(harness.pass(.milliseconds(1)).failure(of: 1)?.kind == .timedOut)
        #expect(harness.redial().sent == [sendPublish(message("b", .atLeastOnce), 1)])
        #expect(harness.engine.session.outbound.pendingBytes == message("b", .atLeastOnce).size)
    }

    @Test func `the time is for sending, not for the acknowledgement`() {
        var harness = EngineHarness.connected()
        harness.linkLost()
        harness.publish(message("a", .atLeastOnce), 1, offline: .wait(atMost: .seconds(5)))
        harness.redial()
        #expect(harness.pass(.seconds(6)).completions.isEmpty)
        #expect(harness.receive(pubAck(1)).completions == [published(1)])
    }

    @Test(.sends("5:MQTT-4.6.0-1"))
    func `what was sent, what waits and what is new leave in this order`() {
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.receiveMaximum(10)]))
        harness.publish(message("sent", .atLeastOnce), 1)
        harness.linkLost()
        harness.publish(message("first", .exactlyOnce), 2)
        harness.publish(message("second", .atMostOnce), 3, offline: .queue)
        harness.publish(message("third", .atLeastOnce), 4, offline: .wait(atMost: .seconds(500)))
        let effects = harness.redial() + harness.publish(message("new", .atMostOnce), 5)
        #expect(
            effects.sent == [
                sendPublish(message("sent", .atLeastOnce), 1, duplicate: true),
                sendPublish(message("first", .exactlyOnce), 2),
                .sendUnacknowledged(message("second", .atMostOnce)),
                sendPublish(message("third", .atLeastOnce), 3),
                .sendUnacknowledged(message("new", .atMostOnce)),
            ]
        )
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `what goes on the wire is what is left of the expiry`(qos: QoS) throws {
        // The next attempt comes within a second.
        var harness = EngineHarness.connected()
        harness.linkLost()
        let frame = Self.expiring("a", qos, expiry: 60)
        harness.publish(frame, 1, offline: .wait(atMost: nil))
        // Rounded up: 60 s less 17.5 s.
        let wait = try #require(harness.engine.nextDeadline).since(harness.now)
        harness.pass(min(wait, .milliseconds(17_500)))
        let rest = .milliseconds(17_500) - wait
        harness.linkUp()
        harness.now = harness.now.advanced(by: max(rest, .zero))
        let sent = harness.receive(.connAck(ConnAck(sessionPresent: true))).sent
        let left = Self.expiring("a", qos, expiry: 43)
        #expect(sent == [qos == .atMostOnce ? .sendUnacknowledged(left) : sendPublish(left, 1)])
    }

    @Test(arguments: [QoS.atMostOnce, .atLeastOnce, .exactlyOnce])
    func `a message that expires while it waits is never sent, and its caller is told`(qos: QoS) {
        var harness = Self.disconnected()
        harness.publish(Self.expiring("a", qos, expiry: 10), 1, offline: .wait(atMost: nil))
        #expect(harness.pass(.seconds(9)).isEmpty)
        #expect(harness.pass(.seconds(1)).failure(of: 1)?.kind == .expired)
        #expect(harness.redial().sent.isEmpty)
    }

    @Test(.sends("5:MQTT-4.3.3-7", "5:MQTT-4.3.3-13"), arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `no expiry applies to a message that was sent`(qos: QoS) {
        var harness = EngineHarness.connected()
        let frame = Self.expiring("a", qos, expiry: 10)
        #expect(harness.publish(frame, 1).sent == [sendPublish(frame, 1)])
        harness.linkLost()
        #expect(harness.pass(.seconds(3_600)).completions.isEmpty)
        harness.linkUp()
        #expect(
            harness.receive(.connAck(ConnAck(sessionPresent: true))).sent == [sendPublish(frame, 1, duplicate: true)]
        )
        guard qos == .exactlyOnce else { return }
        #expect(harness.receive(pubRec(1)).sent == [.send(pubRel(1))])
        #expect(harness.receive(pubComp(1)).completions == [published(1)])
    }

    @Test func `a message behind a full window counts its expiry down too`() {
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.receiveMaximum(1)]))
        harness.publish(message("a", .atLeastOnce), 1)
        harness.publish(Self.expiring("b", .atLeastOnce, expiry: 30), 2)
        harness.pass(.seconds(10))
        #expect(harness.receive(pubAck(1)).sent == [sendPublish(Self.expiring("b", .atLeastOnce, expiry: 20), 2)])
    }

    @Test func `a store forgets what was taken back`() {
        var harness = EngineHarness { configuration in
            configuration.isDurable = true
            configuration.sessionExpiry = .max
            configuration.cleanStart = .never
        }
        let added = harness.publish(message("a", .atLeastOnce), 1, offline: .wait(atMost: .seconds(1)))
        #expect(added.changes.count == 1)
        #expect(harness.pass(.seconds(1)).changes == [.outboundFinished(serial: 1)])
    }

    @Test func `many messages with a term cost one look at the queue each tenth of a second`() {
        var harness = Self.disconnected()
        for number in 0..<5_000 as Range<UInt64> {
            let wait = Duration.milliseconds(1_000 + Int64(number))
            harness.publish(message("a", .atLeastOnce), number + 1, offline: .wait(atMost: wait))
        }
        var ended = 0
        var looks = 0
        while let due = harness.engine.nextDeadline, ended < 5_000 {
            harness.now = max(harness.now, due)
            ended += harness.deadlineReached().completions.count
            looks += 1
        }
        #expect(ended == 5_000)
        // 4 s in tenths, and the last thousand one by one.
        #expect(looks < 1_200)
    }

    @Test func `a subscription waits no longer than its caller`() {
        var harness = Self.disconnected()
        harness.subscribe(.to(["a"]), 1, offline: .wait(atMost: .seconds(5)))
        #expect(harness.subscribe(.to(["b"], id: 2), 2, offline: .fail).failure(of: 2)?.kind == .notConnected)
        let effects = harness.pass(.seconds(5))
        #expect(effects.failure(of: 1)?.kind == .timedOut)
        // An earlier life of the session may hold the filter.
        #expect(harness.redial().sent == [sendUnsubscribe(1, ["a"])])
    }

    @Test func `a subscription that was answered in time stays`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a"]), 1, offline: .wait(atMost: .seconds(5)))
        #expect(harness.receive(subAck(1, .grantedQoS2)).completions.count == 1)
        #expect(!harness.pass(.seconds(5)).contains { if case .endSubscription = $0 { true } else { false } })
    }
}
