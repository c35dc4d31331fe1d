// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

@Suite struct SubscriptionLedgerTests {
    private func subscribed(_ operation: UInt64, _ reasons: ReasonCode...) -> Effect {
        .complete(OperationID(operation), .subscribed(reasons))
    }

    private func unsubscribed(_ operation: UInt64, _ reasons: ReasonCode...) -> Effect {
        .complete(OperationID(operation), .unsubscribed(reasons))
    }

    @Test(
        .sends("5:MQTT-3.2.2-10"),
        .receives("5:MQTT-2.2.1-6", "5:MQTT-3.8.4-2", "5:MQTT-3.8.4-5", "5:MQTT-3.9.3-1"),
        arguments: ProtocolVersion.allCases
    )
    func `subscribing asks for every filter and ends at SUBACK`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        #expect(harness.subscribe(.to(["a", "b/#"]), 1) == [sendSubscribe(1, ["a", "b/#"])])
        #expect(harness.engine.isAwaitingReply)
        #expect(harness.receive(subAck(1, .grantedQoS2, .grantedQoS0)) == [subscribed(1, .grantedQoS2, .grantedQoS0)])
        #expect(!harness.engine.isAwaitingReply)
    }

    @Test func `many filters go out in batches, and the call ends with the last answer`() {
        var harness = EngineHarness.connected { $0.filtersPerSubscribe = 2 }
        #expect(
            harness.subscribe(.to(["a", "b", "c", "d", "e"]), 1) == [
                sendSubscribe(1, ["a", "b"]), sendSubscribe(2, ["c", "d"]), sendSubscribe(3, ["e"]),
            ]
        )
        #expect(harness.receive(subAck(3, .grantedQoS0)) == [])
        #expect(harness.receive(subAck(1, .grantedQoS1, .grantedQoS1)) == [])
        #expect(
            harness.receive(subAck(2, .grantedQoS2, .grantedQoS2)) == [
                subscribed(1, .grantedQoS1, .grantedQoS1, .grantedQoS2, .grantedQoS2, .grantedQoS0)
            ]
        )
        #expect(harness.unsubscribe(1, 2).sent.count == 3)
    }

    @Test(.sends("5:MQTT-3.2.2-15")) func `batches keep to the packet size of the server`() {
        let long = ["aaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbb", "cccccccccccccccccccc"]
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.maximumPacketSize(64)]))
        #expect(
            harness.subscribe(.to(long), nil) == [sendSubscribe(1, Array(long[..<2])), sendSubscribe(2, [long[2]])]
        )
        #expect(
            harness.unsubscribe(1, nil) == [sendUnsubscribe(3, Array(long[..<2])), sendUnsubscribe(4, [long[2]])]
        )
    }

    @Test(.sends("5:MQTT-3.2.2-15")) func `a filter too long for the server fails alone`() {
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.maximumPacketSize(30)]))
        let effects = harness.subscribe(.to(["this/is/too/long/for/it"]), 1)
        #expect(effects.sent == [])
        #expect(effects.failure(of: 1)?.kind == .packetTooLarge)
        #expect(harness.subscribe(.to(["a"], id: 2), 2).sent.count == 1)
    }

    @Test(.receives("5:MQTT-3.8.4-7", "5:MQTT-3.9.3-1", "U5-4.13.2-1"))
    func `fault 21: a refused filter ends its subscription and no other`() {
        var harness = EngineHarness.connected()
        harness.linkLost()
        harness.subscribe(.to(["a", "b"], id: 1), 1)
        harness.subscribe(.to(["c"], id: 2), 2)
        #expect(harness.redial().sent == [sendSubscribe(1, ["a", "b", "c"])])
        let effects = harness.receive(subAck(1, .grantedQoS2, .notAuthorized, .grantedQoS2))
        #expect(effects.first == subscribed(2, .grantedQoS2))
        #expect(effects.failure(of: 1)?.kind == .subscriptionRefused)
        #expect(effects.failure(of: 1)?.filter == "b")
        #expect(effects.contains(.report(.subscriptionRefused(SubscriptionID(1), filter: "b", .notAuthorized))))
        // What it had been granted is given back.
        #expect(effects.sent == [sendUnsubscribe(2, ["a"])])
        #expect(harness.engine.isConnected)
        #expect(harness.receivePublish(.message("a", .atMostOnce)).arrival == .nothing)
        #expect(harness.receivePublish(.message("c", .atMostOnce)).arrival != .nothing)
    }

    @Test(
        .receives("3.1.1:MQTT-3.2.2-2"),
        .sends("5:MQTT-3.2.2-5"),
        .receives("5:MQTT-3.2.2-3"),
        arguments: [ProtocolVersion.v311, .v5]
    )
    func `a session that is present is not asked again`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        harness.subscribe(.to(["a"]), 1)
        harness.receive(subAck(1, .grantedQoS2))
        #expect(harness.reconnect().sent == [])
        #expect(harness.reconnect(ConnAck()).sent == [sendSubscribe(1, ["a"])])
        #expect(harness.receive(subAck(1, .grantedQoS2)) == [])
    }

    @Test func `3.1 cannot say that a session is present, so filters are asked for again`() {
        var harness = EngineHarness.connected(.v31)
        harness.subscribe(.to(["a"]), 1)
        harness.receive(subAck(1, .grantedQoS2))
        #expect(harness.reconnect(ConnAck()).sent == [sendSubscribe(2, ["a"])])
    }

    @Test func `a filter without an answer is asked for again though the session is present`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a"]), 1)
        #expect(harness.reconnect().sent == [sendSubscribe(2, ["a"])])
        #expect(harness.receive(subAck(2, .grantedQoS1)) == [subscribed(1, .grantedQoS1)])
    }

    @Test func `a subscription that lost its place later ends then, with the server's reason`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a"]), 1)
        harness.receive(subAck(1, .grantedQoS2))
        harness.reconnect(ConnAck())
        let effects = harness.receive(subAck(1, .quotaExceeded))
        #expect(effects.count == 2)
        guard case .endSubscription(SubscriptionID(1), let failure) = effects.first else {
            Issue.record("the subscription goes on")
            return
        }
        #expect(failure.reason == .quotaExceeded)
    }

    @Test func `a subscription declared before connecting finds the backlog of the session`() {
        var harness = EngineHarness { configuration in
            configuration.cleanStart = .never
            configuration.unexpectedSession = .adopt
            configuration.sessionExpiry = 60
        }
        #expect(harness.subscribe(.to(["a"]), nil) == [])
        let effects = harness.connect(ConnAck(sessionPresent: true))
        #expect(effects.sent.last == sendSubscribe(1, ["a"]))
        #expect(harness.receivePublish(.message("a", .atMostOnce)).arrival != .nothing)
    }

    @Test func `subscribing without a connection waits, or fails when told so`() {
        var harness = EngineHarness()
        #expect(harness.subscribe(.to(["a"]), 1).failure(of: 1)?.kind == .notConnected)
        var waiting = EngineHarness.connected()
        waiting.linkLost()
        #expect(waiting.subscribe(.to(["a"]), 1) == [])
        var failing = EngineHarness.connected { $0.offlineSubscribe = .fail }
        failing.linkLost()
        #expect(failing.subscribe(.to(["a"]), 1).failure(of: 1)?.kind == .notConnected)
    }

    // MARK: - Sharing

    @Test(.sends("5:MQTT-3.8.4-3"))
    func `two subscriptions share a filter, with the higher QoS, until the last leaves`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a"], id: 1, qos: .exactlyOnce), 1)
        harness.receive(subAck(1, .grantedQoS2))
        #expect(
            harness.subscribe(.to(["a"], id: 2, qos: .atMostOnce), 2) == [sendSubscribe(2, ["a"], qos: .exactlyOnce)]
        )
        harness.receive(subAck(2, .grantedQoS2))
        #expect(harness.unsubscribe(1, 3) == [unsubscribed(3)])
        #expect(harness.receivePublish(.message("a", .atMostOnce)).arrival != .nothing)
        #expect(harness.unsubscribe(2, 4) == [sendUnsubscribe(3, ["a"])])
        #expect(harness.receive(unsubAck(3, .success)) == [unsubscribed(4, .success)])
    }

    @Test func `a subscription that names a filter twice gives it up once`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a", "a"]), 1)
        #expect(harness.unsubscribe(1, nil).sent == [sendUnsubscribe(2, ["a"])])
    }

    // MARK: - Leaving

    @Test(arguments: ProtocolVersion.allCases)
    func `unsubscribing ends at UNSUBACK`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        harness.subscribe(.to(["a"]), 1)
        harness.receive(subAck(1, .grantedQoS2))
        #expect(harness.unsubscribe(1, 2) == [sendUnsubscribe(2, ["a"])])
        #expect(harness.engine.isAwaitingReply)
        let answer = version == .v5 ? unsubAck(2, .success) : unsubAck(2)
        let ended = version == .v5 ? unsubscribed(2, .success) : unsubscribed(2)
        #expect(harness.receive(answer) == [ended])
        #expect(harness.unsubscribe(1, 3) == [unsubscribed(3)])
    }

    @Test func `unsubscribing while the link is down is made good when the session is found again`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a"]), 1)
        harness.receive(subAck(1, .grantedQoS2))
        harness.linkLost()
        #expect(harness.unsubscribe(1, 2) == [unsubscribed(2)])
        #expect(harness.redial().sent == [sendUnsubscribe(2, ["a"])])
        #expect(harness.receive(unsubAck(2, .success)) == [])
        #expect(harness.reconnect().sent == [])
    }

    @Test func `an UNSUBSCRIBE without an answer is said again, once`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a"]), 1)
        harness.receive(subAck(1, .grantedQoS2))
        harness.unsubscribe(1, 2)
        #expect(harness.linkLost().completions == [unsubscribed(2)])
        #expect(harness.redial().sent == [sendUnsubscribe(3, ["a"])])
    }

    @Test func `a filter that is wanted again is not given up`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a"]), 1)
        harness.receive(subAck(1, .grantedQoS2))
        harness.linkLost()
        harness.unsubscribe(1, 2)
        harness.subscribe(.to(["a"], id: 1), 3)
        #expect(harness.redial().sent == [sendSubscribe(2, ["a"])])
    }

    @Test func `without a session there is nothing to make good`() {
        var harness = EngineHarness.connected { $0.sessionExpiry = 0 }
        harness.subscribe(.to(["a"]), 1)
        harness.receive(subAck(1, .grantedQoS2))
        harness.linkLost()
        harness.unsubscribe(1, 2)
        #expect(harness.redial(ConnAck()).sent == [])
    }

    @Test func `unsubscribing before the answer ends the subscribe call, and the answer is quiet`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a"]), 1)
        let effects = harness.unsubscribe(1, nil)
        #expect(effects.failure(of: 1)?.kind == .cancelled)
        #expect(effects.sent == [sendUnsubscribe(2, ["a"])])
        harness.subscribe(.to(["b"], id: 1), 2)
        #expect(harness.receive(subAck(1, .notAuthorized)) == [])
        #expect(harness.receive(unsubAck(2, .success)) == [])
        #expect(harness.receive(subAck(3, .grantedQoS2)) == [subscribed(2, .grantedQoS2)])
    }

    @Test func `disconnecting ends subscriptions without a word, for the session may want them`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a"]), 1)
        let effects = harness.disconnect()
        #expect(effects.sent == [.send(.disconnect(Disconnect()))])
        #expect(effects.failure(of: 1)?.kind == .closed)
        #expect(effects.contains { if case .endSubscription(SubscriptionID(1), _) = $0 { true } else { false } })
        #expect(harness.connect(ConnAck(sessionPresent: true)).sent.count == 1)
    }

    // MARK: - What the server does not do

    @Test(.sends("U5-3.2.2.3.11-1", "U5-3.2.2.3.13-1"))
    func `fault 21: filters the server has said it does not take fail before they are sent`() {
        let cases: [(Property, String, ReasonCode)] = [
            (.wildcardSubscriptionAvailable(false), "a/#", .wildcardSubscriptionsNotSupported),
            (.wildcardSubscriptionAvailable(false), "+/a", .wildcardSubscriptionsNotSupported),
            (.sharedSubscriptionAvailable(false), "$share/group/a", .sharedSubscriptionsNotSupported),
        ]
        for (limit, filter, reason) in cases {
            var harness = EngineHarness.connected(connAck: ConnAck(properties: [limit]))
            let effects = harness.subscribe(.to([filter]), 1)
            #expect(effects.sent == [])
            #expect(effects.failure(of: 1)?.kind == .notSupportedByServer)
            #expect(effects.failure(of: 1)?.reason == reason)
            #expect(harness.subscribe(.to(["a"], id: 2), 2).sent == [sendSubscribe(1, ["a"])])
        }
    }

    @Test(.sends("U5-3.2.2.3.12-1")) func `subscription identifiers go only to a server that takes them`() {
        var harness = EngineHarness.connected()
        #expect(harness.subscribe(.to(["a"], identifier: 7), 1) == [sendSubscribe(1, ["a"], identifier: 7)])
        let connAck = ConnAck(properties: [.subscriptionIdentifierAvailable(false)])
        #expect(harness.reconnect(connAck).sent == [sendSubscribe(1, ["a"])])
    }

    @Test func `subscriptions with different identifiers do not share a packet`() {
        var harness = EngineHarness.connected()
        harness.linkLost()
        harness.subscribe(.to(["a", "b"], id: 1, identifier: 1), nil)
        harness.subscribe(.to(["c"], id: 2, identifier: 2), nil)
        #expect(
            harness.redial().sent == [
                sendSubscribe(1, ["a", "b"], identifier: 1), sendSubscribe(2, ["c"], identifier: 2),
            ]
        )
    }

    // MARK: - Bad answers, and no identifier

    @Test(
        .receives("5:MQTT-2.2.1-6", "5:MQTT-3.8.4-2", "5:MQTT-3.8.4-6", "5:MQTT-3.10.4-5"),
        arguments: [subAck(9, .success), unsubAck(9, .success), subAck(1, .success, .success), unsubAck(1, .success)]
    )
    func `an answer nobody asked for, or of the wrong length, breaks the protocol`(packet: Packet) {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a"]), 1)
        let effects = harness.receive(packet)
        #expect(effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .protocolError))), .close])
        #expect(effects.completions == [])
        // The call goes on with the next connection.
        #expect(harness.redial().sent == [sendSubscribe(2, ["a"])])
        #expect(harness.receive(subAck(2, .success)) == [subscribed(1, .success)])
    }

    @Test(.receives("5:MQTT-3.11.3-1")) func `an UNSUBACK of the wrong length ends the call with the connection`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a"]), nil)
        harness.unsubscribe(1, 2)
        let effects = harness.receive(unsubAck(2, .success, .success))
        #expect(effects.completions == [unsubscribed(2)])
        #expect(!harness.engine.isConnected)
    }

    @Test func `subscriptions wait for a packet identifier, and so do their ends`() {
        var harness = EngineHarness.connected { configuration in
            configuration.pendingLimit = 100_000
            configuration.filtersPerSubscribe = 1
        }
        harness.subscribe(.to(["a"], id: 1), nil)
        for number in 1...65_534 as ClosedRange<UInt64> { harness.publish(message("m", .atLeastOnce), number) }
        #expect(harness.subscribe(.to(["b", "c"], id: 2), 2) == [])
        #expect(harness.unsubscribe(1, nil) == [])
        #expect(harness.receive(pubAck(500)).sent == [sendUnsubscribe(500, ["a"])])
        #expect(harness.receive(unsubAck(500, .success)).sent == [sendSubscribe(500, ["b"])])
        #expect(harness.receive(subAck(500, .grantedQoS0)).sent == [sendSubscribe(500, ["c"])])
        #expect(harness.receive(subAck(500, .grantedQoS1)) == [subscribed(2, .grantedQoS0, .grantedQoS1)])
    }

    @Test func `while many SUBSCRIBEs have no answer, further filters wait and then go together`() {
        var harness = EngineHarness.connected { $0.filtersPerSubscribe = 3 }
        for number in 1...64 as ClosedRange<UInt32> {
            let id = UInt16(number)
            #expect(harness.subscribe(.to(["f/\(number)"], id: number), nil) == [sendSubscribe(id, ["f/\(number)"])])
        }
        for number in 65...68 as ClosedRange<UInt32> {
            #expect(harness.subscribe(.to(["f/\(number)"], id: number), nil) == [])
        }
        #expect(harness.receive(subAck(1, .success)).sent == [sendSubscribe(65, ["f/65", "f/66", "f/67"])])
        #expect(harness.receive(subAck(2, .success)).sent == [sendSubscribe(66, ["f/68"])])
        #expect(harness.receive(subAck(3, .success)).sent == [])
    }

    @Test func `more subscriptions than packet identifiers are all asked for after a reconnect`() {
        var harness = EngineHarness.connected(.v311) { $0.filtersPerSubscribe = 1 }
        harness.linkLost()
        for number in 1...66_000 as ClosedRange<UInt32> { harness.subscribe(.to(["f/\(number)"], id: number), nil) }
        var asked = harness.redial(ConnAck()).sent.count
        for number in 1...66_000 {
            let id = UInt16(truncatingIfNeeded: (number - 1) % 65_535 + 1)
            asked += harness.receive(subAck(id, .success)).sent.count
        }
        #expect(asked == 66_000)
    }
}
