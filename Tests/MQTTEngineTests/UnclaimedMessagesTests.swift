// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// Messages of a resumed session that come before their subscription.
@Suite struct UnclaimedMessagesTests {
    private static func resumed(
        grace: Duration = .seconds(5),
        _ version: ProtocolVersion = .v5
    ) -> EngineHarness {
        var harness = EngineHarness(version) { configuration in
            configuration.cleanStart = .never
            configuration.sessionExpiry = .max
            configuration.unexpectedSession = .adopt
            configuration.unclaimedGrace = grace
        }
        harness.connect(ConnAck(sessionPresent: true))
        return harness
    }

    private static func token(_ serial: UInt64, _ qos: QoS, _ number: UInt16) -> DeliveryToken {
        DeliveryToken(serial: serial, packetID: id(number), qos: qos)
    }

    @Test(arguments: [QoS.atLeastOnce, .exactlyOnce], [true, false])
    func `a message nobody has subscribed to yet waits for its subscription`(qos: QoS, acknowledgesLater: Bool) {
        var harness = Self.resumed()
        let (arrival, effects) = harness.receivePublish(.message("a/b", qos, 7))
        let token = Self.token(1, qos, 7)
        #expect(arrival == .keep(token))
        #expect(effects.isEmpty)
        let answer = Effect.send(qos == .atLeastOnce ? pubAck(7) : pubRec(7))
        let request = SubscribeRequest.to(["x", "a/+"], acknowledgesLater: acknowledgesLater)
        let claimed = harness.subscribe(request, 1)
        let destination = Destination(
            subscription: SubscriptionID(1),
            filter: 1,
            acknowledgesLater: acknowledgesLater
        )
        #expect(claimed.first == .deliverUnclaimed(token, destination))
        #expect(claimed.contains(answer) == !acknowledgesLater)
        #expect(harness.acknowledge(token) == (acknowledgesLater ? [answer] : []))
        // Once: it is not given to another one, nor given up.
        #expect(
            !harness.subscribe(.to(["#"], id: 2), 2).contains { if case .deliverUnclaimed = $0 { true } else { false } }
        )
        #expect(!harness.pass(.seconds(5)).contains(.dropUnclaimed))
    }

    @Test(.sends("5:MQTT-4.5.0-2", "3.1.1:MQTT-4.5.0-2"), arguments: [ProtocolVersion.v5, .v311])
    func `what nobody claims is acknowledged when the time is over, in order`(version: ProtocolVersion) {
        var harness = Self.resumed(version)
        _ = harness.receivePublish(.message("a", .atLeastOnce, 1))
        _ = harness.receivePublish(.message("b", .exactlyOnce, 2))
        #expect(harness.pass(.milliseconds(4_999)).isEmpty)
        #expect(
            harness.pass(.milliseconds(1)) == [
                .send(pubAck(1)), .report(.unmatched(topic: "a")), .send(pubRec(2)), .report(.unmatched(topic: "b")),
                .dropUnclaimed,
            ]
        )
        // Later ones do not wait.
        let (arrival, effects) = harness.receivePublish(.message("c", .atLeastOnce, 3))
        #expect(arrival == .nothing)
        #expect(effects == [.send(pubAck(3)), .report(.unmatched(topic: "c"))])
    }

    @Test func `QoS 0 does not wait, nor does anything without a session, without a grace or after a reconnect`() {
        var harness = Self.resumed()
        #expect(harness.receivePublish(.message("a", .atMostOnce)).arrival == .nothing)
        harness.reconnect()
        #expect(harness.receivePublish(.message("a", .atLeastOnce, 1)).arrival == .nothing)
        var fresh = EngineHarness.connected()
        #expect(fresh.receivePublish(.message("a", .atLeastOnce, 1)).arrival == .nothing)
        var none = Self.resumed(grace: .zero)
        #expect(none.receivePublish(.message("a", .atLeastOnce, 1)).arrival == .nothing)
    }

    @Test func `a lost connection drops what was kept, since the server sends it again`() {
        var harness = Self.resumed()
        _ = harness.receivePublish(.message("a", .atLeastOnce, 1))
        #expect(harness.linkLost().contains(.dropUnclaimed))
        #expect(!harness.pass(.seconds(5)).contains(.dropUnclaimed))
    }

    @Test func `only so many messages are kept`() {
        var harness = Self.resumed()
        for number in 1...1_000 as ClosedRange<UInt16> {
            #expect(harness.receivePublish(.message("a", .atLeastOnce, number)).arrival != .nothing)
        }
        #expect(harness.receivePublish(.message("a", .atLeastOnce, 1_001)).arrival == .nothing)
    }
}
