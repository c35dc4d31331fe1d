// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@testable import MQTTBroker

@Suite struct CoreSubscribeTests {
    @Test(
        .serves(
            "5:MQTT-2.2.1-6",
            "5:MQTT-3.8.4-1",
            "5:MQTT-3.8.4-2",
            "5:MQTT-3.8.4-5",
            "5:MQTT-3.8.4-6",
            "5:MQTT-3.8.4-7",
            "5:MQTT-3.9.3-1",
            "3.1.1:MQTT-2.3.1-7",
            "3.1.1:MQTT-3.8.4-1",
            "3.1.1:MQTT-3.8.4-2",
            "3.1.1:MQTT-3.8.4-4",
            "3.1.1:MQTT-3.8.4-5",
            "3.1.1:MQTT-3.9.3-1"
        ),
        arguments: ProtocolVersion.allCases
    )
    func `a SUBACK has one code for each filter in their order`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("a", version)
        let entries = [(QoS.exactlyOnce, "a"), (.atMostOnce, "b"), (.atLeastOnce, "c/#/d"), (.atLeastOnce, "d")].map {
            Subscribe.Entry(filter: $1, options: SubscriptionOptions(qos: $0))
        }
        broker.send(.subscribe(Subscribe(packetID: PacketID(77) ?? .first, entries: entries)), from: id)
        let reasons: [ReasonCode] = [.grantedQoS2, .grantedQoS0, .topicFilterInvalid, .grantedQoS1]
        #expect(broker.received(id) == [.subAck(SubAck(packetID: PacketID(77) ?? .first, reasons: reasons))])
    }

    @Test(
        .serves(
            "5:MQTT-2.2.1-6",
            "5:MQTT-3.10.4-1",
            "5:MQTT-3.10.4-2",
            "5:MQTT-3.10.4-4",
            "5:MQTT-3.10.4-5",
            "5:MQTT-3.10.4-6",
            "5:MQTT-3.11.3-1",
            "3.1.1:MQTT-2.3.1-7",
            "3.1.1:MQTT-3.10.4-1",
            "3.1.1:MQTT-3.10.4-2",
            "3.1.1:MQTT-3.10.4-4",
            "3.1.1:MQTT-3.10.4-5",
            "3.1.1:MQTT-3.10.4-6"
        ),
        arguments: [ProtocolVersion.v5, .v311]
    )
    func `UNSUBSCRIBE removes what is the same bytes and is always answered`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("a", version)
        broker.subscribe(id, "\u{E9}", "t/+")
        broker.send(.unsubscribing("e\u{301}", "t/+", "t/x", id: 9), from: id)
        let reasons: [ReasonCode] = version == .v5 ? [.noSubscriptionExisted, .success, .noSubscriptionExisted] : []
        #expect(broker.received(id) == [.unsubAck(UnsubAck(packetID: PacketID(9) ?? .first, reasons: reasons))])
        broker.publish(Publish("t/x"))
        #expect(broker.received(id) == [])
        broker.publish(Publish("\u{E9}"))
        #expect(broker.payloads(id) == ["x"])
    }

    @Test(.serves("5:MQTT-3.10.4-3", "3.1.1:MQTT-3.10.4-3"), arguments: [ProtocolVersion.v5, .v311])
    func `a delivery that was begun is completed after UNSUBSCRIBE`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("a", version)
        broker.subscribe(id, "t")
        broker.publish(Publish("t", "x", .exactlyOnce))
        broker.send(.unsubscribing("t"), .pubRec(Acknowledgement(1)), from: id)
        #expect(broker.received(id).last == .pubRel(Acknowledgement(1)))
    }

    @Test(.serves("5:MQTT-4.7.2-1", "3.1.1:MQTT-4.7.2-1"), arguments: [ProtocolVersion.v5, .v311])
    func `a wildcard in front does not match topics of the server`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("a", version)
        broker.subscribe(id, "#", "+/x")
        broker.publish(Publish("$own/x", retain: true))
        #expect(broker.received(id) == [])
        broker.subscribe(id, "$own/#")
        #expect(broker.payloads(id) == ["x"])
    }

    @Test(.serves("5:MQTT-4.7.3-4", "3.1.1:MQTT-4.7.3-4"), arguments: [ProtocolVersion.v5, .v311])
    func `topics are compared by their bytes`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("a", version)
        broker.subscribe(id, "caf\u{E9}")
        broker.publish(Publish("cafe\u{301}", "other", retain: true))
        broker.publish(Publish("caf\u{E9}", "same", retain: true))
        #expect(broker.payloads(id) == ["same"])
        #expect(broker.core.retained.count == 2)
    }

    @Test(.serves("5:MQTT-3.8.4-3"))
    func `the same filter again replaces the subscription`() {
        var broker = CoreHarness()
        let id = broker.connect("a")
        broker.subscribe(id, "t", qos: .exactlyOnce, identifier: 1)
        broker.subscribe(id, "t", qos: .atLeastOnce, identifier: 2)
        broker.publish(Publish("t", "x", .exactlyOnce))
        let messages = broker.messages(id)
        #expect(messages.map(\.qos) == [.atLeastOnce])
        #expect(messages.map(\.properties.subscriptionIdentifiers) == [[2]])
        #expect(broker.core.subscriptions.count == 1)
    }

    @Test(.serves("5:MQTT-3.3.4-2", "5:MQTT-3.3.4-3", "5:MQTT-3.3.4-4"))
    func `overlapping subscriptions get one message with all identifiers at the highest QoS`() {
        var broker = CoreHarness()
        let id = broker.connect("a")
        let other = broker.connect("b")
        broker.subscribe(id, "t/#", qos: .atMostOnce, identifier: 1)
        broker.subscribe(id, "t/+", qos: .exactlyOnce, identifier: 2)
        broker.subscribe(id, "t/x", qos: .atLeastOnce)
        broker.subscribe(other, "t/x", qos: .atLeastOnce)
        broker.publish(Publish("t/x", "x", .exactlyOnce))
        let messages = broker.messages(id)
        #expect(messages.map(\.qos) == [.exactlyOnce])
        #expect(messages.map(\.properties.subscriptionIdentifiers) == [[1, 2]])
        #expect(broker.messages(other).map(\.qos) == [.atLeastOnce])
    }

    @Test(.serves("5:MQTT-3.8.3-3"))
    func `a client with No Local does not get its own messages`() {
        var broker = CoreHarness()
        let own = broker.connect("own")
        let other = broker.connect("other")
        broker.subscribe(own, "t", noLocal: true)
        broker.subscribe(other, "t")
        broker.send(.message("t", "mine", retain: true), from: own)
        #expect(broker.received(own) == [])
        #expect(broker.payloads(other) == ["mine"])
        broker.send(.message("t", "theirs"), from: other)
        #expect(broker.payloads(own) == ["theirs"])
        broker.subscribe(own, "t", noLocal: true)
        #expect(broker.received(own) == [])
        broker.subscribe(own, "+", noLocal: false)
        broker.send(.message("t", "mine"), from: own)
        #expect(broker.payloads(own) == ["mine", "mine"])
    }

    @Test(
        .serves(
            "U5-3.2.2.3.11-1",
            "U5-3.2.2.3.12-1",
            "U5-3.2.2.3.13-1",
            "3.1.1:MQTT-3.8.3-2"
        ),
        arguments: [
            ("#", [], .wildcardSubscriptionsNotSupported),
            ("$share/g/t", [], .sharedSubscriptionsNotSupported),
            ("t", [.subscriptionIdentifier(1)], .subscriptionIdentifiersNotSupported),
        ] as [(String, Properties, ReasonCode)]
    )
    func `what is not available here ends the connection`(filter: String, properties: Properties, reason: ReasonCode) {
        var broker = CoreHarness {
            $0.wildcardSubscriptionAvailable = false
            $0.sharedSubscriptionAvailable = false
            $0.subscriptionIdentifierAvailable = false
        }
        let new = broker.connect("new")
        broker.send(.subscribing("ok"), from: new)
        #expect(broker.received(new).count == 1)
        broker.send(.subscribing(filter, with: properties), from: new)
        #expect(broker.received(new).map(\.reason) == [reason])
        guard properties.isEmpty else { return }
        let old = broker.connect("old", .v311)
        broker.send(.subscribing(filter), from: old)
        #expect(broker.received(old) == [.subAck(SubAck(packetID: .first, reasons: [reason]))])
        #expect(!broker.closed.contains(old))
    }

    @Test(.serves("5:MQTT-3.2.2-10"))
    func `limits of a profile are granted or refused filter by filter`() {
        var broker = CoreHarness {
            $0.maximumQoS = .atLeastOnce
            $0.filtersPerSubscribe = 3
            $0.subscriptionsPerSession = 2
        }
        let id = broker.connect("a")
        broker.send(.subscribing("a", "b", "c", "d"), .subscribing("a"), from: id)
        let reasons: [ReasonCode] = [.grantedQoS1, .grantedQoS1, .quotaExceeded, .quotaExceeded]
        #expect(
            broker.received(id) == [
                .subAck(SubAck(packetID: .first, reasons: reasons)),
                .subAck(SubAck(packetID: .first, reasons: [.grantedQoS1])),
            ]
        )
    }

    @Test func `a shared subscription with No Local is a protocol error`() {
        var broker = CoreHarness()
        let id = broker.connect("a")
        broker.subscribe(id, "$share/g/t", noLocal: true)
        #expect(broker.received(id).map(\.reason) == [.protocolError])
    }
}

@Suite struct CoreRetainedTests {
    private func retained(_ broker: inout CoreHarness, _ texts: [String: String]) {
        for (topic, text) in texts { broker.publish(Publish(topic, text, .exactlyOnce, retain: true)) }
    }

    @Test(
        .serves(
            "5:MQTT-3.3.1-5",
            "5:MQTT-3.3.1-6",
            "5:MQTT-3.3.1-7",
            "5:MQTT-3.3.1-8",
            "3.1.1:MQTT-3.3.1-10",
            "3.1.1:MQTT-3.3.1-11",
            "3.1.1:MQTT-3.3.1-12",
            "3.1.1:MQTT-3.3.1-5",
            "3.1.1:MQTT-3.3.1-6",
            "3.1.1:MQTT-3.3.1-7"
        ),
        arguments: [ProtocolVersion.v5, .v311]
    )
    func `a retained message is set, replaced, kept and cleared`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("a", version)
        self.retained(&broker, ["t": "1"])
        self.retained(&broker, ["t": "2"])
        broker.publish(Publish("t", "not retained"))
        broker.subscribe(id, "t")
        #expect(broker.payloads(id) == ["2"])
        broker.publish(Publish("t", "3", retain: true))
        #expect(broker.payloads(id) == ["3"])
        broker.subscribe(id, "t")
        #expect(broker.payloads(id) == ["3"])
        broker.publish(Publish("t", "", retain: true))
        #expect(broker.payloads(id) == [""])
        broker.subscribe(id, "t")
        #expect(broker.received(id) == [])
        #expect(broker.core.retained.count == 0)
        #expect(broker.core.retained.bytes == 0)
    }

    @Test(
        .serves(
            "5:MQTT-3.3.1-10",
            "5:MQTT-3.3.1-11",
            "5:MQTT-3.3.1-9",
            "5:MQTT-3.8.4-4"
        ),
        arguments: [(RetainHandling.sendAlways, [1, 1]), (.sendIfNew, [1, 0]), (.doNotSend, [0, 0])]
    )
    func `retain handling says when retained messages are sent`(handling: RetainHandling, counts: [Int]) {
        var broker = CoreHarness()
        let id = broker.connect("a")
        self.retained(&broker, ["t": "1"])
        for count in counts {
            broker.subscribe(id, "t", handling: handling)
            #expect(broker.messages(id).count == count)
        }
    }

    @Test(.serves("5:MQTT-3.3.1-12", "5:MQTT-3.3.1-13"), arguments: [false, true])
    func `RETAIN is kept on forwarding only for who wants it`(isAsPublished: Bool) {
        var broker = CoreHarness()
        let id = broker.connect("a")
        broker.subscribe(id, "t", retainAsPublished: isAsPublished)
        broker.publish(Publish("t", "1", retain: true))
        #expect(broker.messages(id).map(\.retain) == [isAsPublished])
        broker.subscribe(id, "t", retainAsPublished: isAsPublished)
        #expect(broker.messages(id).map(\.retain) == [true])
    }

    @Test(
        .serves("5:MQTT-3.3.2-3", "3.1.1:MQTT-3.3.2-3"),
        arguments: [
            ("#", ["a", "a/b", "a/b/c", "x/b"]), ("a/#", ["a", "a/b", "a/b/c"]), ("+/b", ["a/b", "x/b"]),
            ("a/+/c", ["a/b/c"]), ("a/b", ["a/b"]), ("+", ["a"]), ("$own/#", ["$own/a"]),
            ("+/+/#", ["a/b", "a/b/c", "x/b"]),
            ("a/b/c/d", []), ("a//b", []),
        ]
    )
    func `a filter finds its retained messages in the order they were published`(filter: String, topics: [String]) {
        var broker = CoreHarness()
        let id = broker.connect("a")
        for topic in ["a", "a/b", "a/b/c", "x/b", "$own/a"] { broker.publish(Publish(topic, retain: true)) }
        broker.subscribe(id, filter)
        #expect(broker.messages(id).map(\.topic) == topics)
    }

    @Test func `a retained message expires and its time is counted down`() {
        var broker = CoreHarness()
        let id = broker.connect("a")
        broker.publish(Publish("t", "1", retain: true, with: [.messageExpiryInterval(10)]))
        broker.advance(.seconds(4))
        broker.subscribe(id, "t")
        #expect(broker.messages(id).map(\.properties.messageExpiryInterval) == [6])
        broker.advance(.seconds(6))
        broker.subscribe(id, "t")
        #expect(broker.received(id) == [])
        #expect(broker.core.retained.count == 0)
        broker.publish(Publish("t", "1", retain: true, with: [.messageExpiryInterval(10)]))
        broker.publish(Publish("t", "2", retain: true))
        broker.advance(.seconds(20))
        #expect(broker.core.retained.count == 1)
    }

    @Test func `retained messages are bounded`() {
        var broker = CoreHarness { $0.retainedMessages = 1 }
        let id = broker.connect("a")
        broker.send(
            .message("1", "x", .atLeastOnce, retain: true),
            .message("2", "x", .atLeastOnce, retain: true),
            from: id
        )
        #expect(broker.received(id).map(\.reason) == [.noMatchingSubscribers, .quotaExceeded])
        broker.send(.message("2", "x", retain: true), .message("1", "y", retain: true), from: id)
        #expect(broker.core.retained.count == 1)
        #expect(broker.events.contains(.dropped(clientID: "a", topic: "2")))
        broker.subscribe(id, "#")
        #expect(broker.payloads(id) == ["y"])
    }
}
