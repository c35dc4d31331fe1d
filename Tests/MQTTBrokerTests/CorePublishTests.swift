// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@testable import MQTTBroker

@Suite struct CorePublishTests {
    @Test(
        .serves(
            "5:MQTT-2.2.1-5",
            "5:MQTT-3.3.4-1",
            "5:MQTT-4.3.2-4",
            "5:MQTT-4.3.3-11",
            "5:MQTT-4.3.3-8",
            "3.1.1:MQTT-2.3.1-6",
            "3.1.1:MQTT-3.3.4-1",
            "3.1.1:MQTT-4.3.2-2"
        ),
        arguments: ProtocolVersion.allCases
    )
    func `a PUBLISH is answered as its QoS demands`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("a", version)
        broker.subscribe(id, "t", qos: .atMostOnce)
        broker.send(.message("t"), from: id)
        #expect(broker.received(id) == [.message("t")])
        broker.send(.message("t", "x", .atLeastOnce, id: 7), from: id)
        #expect(broker.received(id) == [.message("t"), .pubAck(Acknowledgement(7))])
        broker.send(.message("t", "x", .exactlyOnce, id: 8), from: id)
        #expect(broker.received(id).contains(.pubRec(Acknowledgement(8))))
        broker.send(.pubRel(Acknowledgement(8)), from: id)
        #expect(broker.received(id) == [.pubComp(Acknowledgement(8))])
    }

    @Test(.serves("5:MQTT-4.3.3-10", "5:MQTT-4.3.3-12", "3.1.1:MQTT-4.3.3-2"), arguments: ProtocolVersion.allCases)
    func `a message of QoS 2 is taken once until it is released`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let watch = broker.connect("watch")
        broker.subscribe(watch, "t", qos: .atMostOnce)
        let first = broker.connectForGood("a", version)
        broker.send(.message("t", "1", .exactlyOnce, id: 8), from: first)
        broker.send(.message("t", "1", .exactlyOnce, id: 8, duplicate: true), from: first)
        #expect(broker.received(first) == [.pubRec(Acknowledgement(8)), .pubRec(Acknowledgement(8))])
        broker.close(first)
        let second = broker.connectForGood("a", version)
        broker.send(.message("t", "1", .exactlyOnce, id: 8, duplicate: true), from: second)
        #expect(broker.payloads(watch) == ["1"])
        broker.send(.pubRel(Acknowledgement(8)), .message("t", "2", .exactlyOnce, id: 8), from: second)
        #expect(broker.payloads(watch) == ["2"])
    }

    @Test(.serves("U5-4.3.3-1?"), arguments: [ProtocolVersion.v5, .v311])
    func `an unknown PUBREL is answered`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("a", version)
        broker.send(.pubRel(Acknowledgement(9)), from: id)
        let reason: ReasonCode = version == .v5 ? .packetIdentifierNotFound : .success
        #expect(broker.received(id) == [.pubComp(Acknowledgement(9, reason))])
    }

    @Test(arguments: [ProtocolVersion.v5, .v311])
    func `a message nobody subscribes to is acknowledged as such`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("a", version)
        let reason: ReasonCode = version == .v5 ? .noMatchingSubscribers : .success
        broker.send(.message("t", "x", .atLeastOnce, id: 1), .message("t", "x", .exactlyOnce, id: 2), from: id)
        #expect(broker.received(id) == [.pubAck(Acknowledgement(1, reason)), .pubRec(Acknowledgement(2, reason))])
    }

    @Test(
        .serves(
            "5:MQTT-3.3.2-12",
            "5:MQTT-3.3.2-7",
            "U5-3.3.4-1",
            "U5-3.3.4-2"
        )
    )
    func `a client's topic aliases stand for its topics on that connection`() {
        var broker = CoreHarness { $0.topicAliasMaximum = 2 }
        let watch = broker.connect("watch")
        broker.subscribe(watch, "#")
        let id = broker.connect("a")
        broker.send(
            .message("t", "1", with: [.topicAlias(2)]),
            .message("", "2", with: [.topicAlias(2)]),
            .message("u", "3", with: [.topicAlias(2)]),
            .message("", "4", with: [.topicAlias(2)]),
            .message("v", "5", with: [.topicAlias(1)]),
            from: id
        )
        #expect(
            broker.messages(watch).map { "\($0.topic)\($0.text)\($0.properties.count)" } == [
                "t10", "t20", "u30", "u40", "v50",
            ]
        )
        let second = broker.connect("a")
        broker.send(.message("", "5", with: [.topicAlias(2)]), from: second)
        #expect(broker.received(second).map(\.reason) == [.protocolError])
    }

    @Test(arguments: [0, 3])
    func `an alias of 0 or above the maximum is invalid`(alias: UInt16) {
        var broker = CoreHarness { $0.topicAliasMaximum = 2 }
        let id = broker.connect("a")
        broker.send(.message("t", "1", with: [.topicAlias(alias)]), from: id)
        #expect(broker.received(id).map(\.reason) == [.topicAliasInvalid])
        #expect(broker.closed.contains(id))
    }

    @Test func `topics behind aliases are bounded`() {
        var broker = CoreHarness { $0.topicAliasBytes = 10 }
        let id = broker.connect("a")
        broker.send(
            .message("12345", "1", with: [.topicAlias(1)]),
            .message("123456", "1", with: [.topicAlias(1)]),
            from: id
        )
        #expect(broker.received(id) == [])
        broker.send(.message("12345", "1", with: [.topicAlias(2)]), from: id)
        #expect(broker.received(id).map(\.reason) == [.quotaExceeded])
    }

    @Test(
        .serves(
            "5:MQTT-3.3.2-15",
            "5:MQTT-3.3.2-16",
            "5:MQTT-3.3.2-17",
            "5:MQTT-3.3.2-18",
            "5:MQTT-3.3.2-20",
            "5:MQTT-3.3.2-4"
        )
    )
    func `properties are passed on unchanged to 5_0 and left out before`() {
        var broker = CoreHarness()
        let new = broker.connect("new")
        let old = broker.connect("old", .v311)
        for id in [new, old] { broker.subscribe(id, "t") }
        let properties: Properties = [
            .userProperty(name: "a", value: "1"), .payloadFormatIndicator(.utf8), .contentType("text"),
            .userProperty(name: "a", value: "2"), .responseTopic("r"), .correlationData(ByteBuffer(string: "c")),
        ]
        let publisher = broker.connect("publisher")
        broker.send(.message("t", "x", with: properties), from: publisher)
        #expect(broker.messages(new).map(\.properties) == [properties])
        #expect(broker.messages(old).map(\.properties) == [[]])
    }

    @Test(
        .serves(
            "5:MQTT-3.3.2-2",
            "5:MQTT-4.7.0-1",
            "5:MQTT-4.7.3-2",
            "3.1.1:MQTT-3.3.2-2",
            "3.1.1:MQTT-4.7.1-1",
            "3.1.1:MQTT-4.7.3-2"
        ),
        arguments: [ProtocolVersion.v5, .v311],
        ["a/#", "+", "a\0"]
    )
    func `a topic that is none ends the connection`(version: ProtocolVersion, topic: String) {
        var broker = CoreHarness()
        let id = broker.connect("a", version)
        broker.send(.message(topic), from: id)
        #expect(broker.received(id).map(\.reason) == (version == .v5 ? [.topicNameInvalid] : []))
        #expect(broker.closed.contains(id))
    }

    @Test func `what a broker with limits does not take ends the connection`() {
        var broker = CoreHarness {
            $0.maximumQoS = .atLeastOnce
            $0.retainAvailable = false
        }
        for (packet, reason) in [
            (Packet.message("t", "x", .exactlyOnce, id: 1), ReasonCode.qosNotSupported),
            (.message("t", retain: true), .retainNotSupported),
        ] {
            let id = broker.connect("a")
            broker.send(packet, from: id)
            #expect(broker.received(id).map(\.reason) == [reason])
            #expect(broker.closed.contains(id))
        }
    }

    @Test(arguments: [ProtocolVersion.v5, .v311])
    func `who publishes too fast is disconnected`(version: ProtocolVersion) {
        var broker = CoreHarness { $0.publishesPerSecond = 2 }
        let id = broker.connect("a", version)
        for _ in 0..<3 {
            broker.send(.message("t"), .message("t"), from: id)
            broker.advance(.seconds(1))
        }
        #expect(!broker.closed.contains(id))
        broker.send(.message("t"), .message("t"), .message("t"), from: id)
        #expect(broker.closed.contains(id))
        #expect(broker.received(id).map(\.reason) == (version == .v5 ? [.messageRateTooHigh] : []))
    }

    @Test func `more QoS 2 messages under way than the receive maximum end the connection`() {
        var broker = CoreHarness { $0.receiveMaximum = 2 }
        let id = broker.connect("a")
        broker.send(.message("t", "x", .exactlyOnce, id: 1), .message("t", "x", .exactlyOnce, id: 2), from: id)
        broker.send(.pubRel(Acknowledgement(1)), .message("t", "x", .exactlyOnce, id: 3), from: id)
        #expect(!broker.closed.contains(id))
        broker.send(.message("t", "x", .exactlyOnce, id: 4), from: id)
        #expect(broker.received(id).last?.reason == .receiveMaximumExceeded)
    }

    @Test func `clients may not publish to the broker's own topics`() {
        var broker = CoreHarness()
        let watch = broker.connect("watch")
        broker.subscribe(watch, "$SYS/mine", handling: .doNotSend)
        let new = broker.connect("new")
        let old = broker.connect("old", .v311)
        for id in [new, old] {
            broker.send(.message("$SYS/mine", "x", .atLeastOnce, id: 1), .message("$SYS/mine"), from: id)
        }
        #expect(broker.received(new) == [.pubAck(Acknowledgement(1, .notAuthorized))])
        #expect(broker.received(old) == [.pubAck(Acknowledgement(1))])
        #expect(broker.received(watch) == [])
    }

    @Test(.serves("U5-3.3.2.3.2-1"))
    func `a payload that is not the text it claims to be is refused where that is checked`() {
        var broker = CoreHarness { $0.checksPayloadFormat = true }
        let id = broker.connect("a")
        let payload = ByteBuffer(bytes: [0xFF])
        let publish = Publish(
            topic: "t",
            payload: payload,
            qos: .atLeastOnce,
            packetID: .first,
            properties: [.payloadFormatIndicator(.utf8)]
        )
        broker.send(.publish(publish), from: id)
        #expect(broker.received(id) == [.pubAck(Acknowledgement(1, .payloadFormatInvalid))])
    }

    @Test func `a fan-out of QoS 0 is one effect for those who get the same packet`() {
        var broker = CoreHarness()
        let plain = (0..<50).map { broker.connect("p\($0)") }
        let old = broker.connect("old", .v311)
        let marked = broker.connect("marked")
        for id in plain + [old] { broker.subscribe(id, "t", qos: .atMostOnce) }
        broker.subscribe(marked, "t", identifier: 7)
        broker.publish(Publish("t", "x"))
        #expect(broker.broadcasts == 1)
        for id in plain + [old] { #expect(broker.received(id) == [.message("t")]) }
        #expect(broker.received(marked) == [.message("t", with: [.subscriptionIdentifier(7)])])
    }

    @Test func `a wide fan-out uses no aliases, and 3_x clients get a packet of their own where there are properties`()
    {
        var broker = CoreHarness()
        var ids: [ConnectionID] = []
        for number in 0..<1_000 {
            let isNew = number % 2 == 0
            ids.append(broker.connect("c\(number)", isNew ? .v5 : .v31, isNew ? [.topicAliasMaximum(10)] : []))
        }
        for id in ids { broker.subscribe(id, "t", qos: .atMostOnce) }
        broker.publish(Publish("t"))
        #expect(broker.broadcasts == 1)
        broker.publish(Publish("t", "y", with: [.contentType("c")]))
        #expect(broker.broadcasts == 3)
        for (number, id) in ids.enumerated() {
            let properties: Properties = number % 2 == 0 ? [.contentType("c")] : []
            #expect(broker.received(id) == [.message("t"), .message("t", "y", with: properties)])
        }
    }

    @Test func `an answer too large for its client ends the connection`() {
        var broker = CoreHarness()
        let id = broker.connect("a", .v5, [.maximumPacketSize(7)])
        #expect(broker.closed.contains(id))
        #expect(broker.received(id) == [])
        broker.advance(.seconds(0))
        #expect(broker.core.slots.isEmpty)
        #expect(broker.core.connections.isEmpty)
    }

    @Test func `what the program publishes is checked before anybody gets it`() {
        var broker = CoreHarness()
        let id = broker.connect("a")
        broker.subscribe(id, "#")
        broker.publish(Publish("t/#"))
        broker.publish(Publish("t", "x", with: [.receiveMaximum(5)]))
        broker.publish(Publish("t", "fine", .atLeastOnce, with: [.topicAlias(3)]))
        #expect(broker.messages(id).map { "\($0.text) \($0.properties.count)" } == ["fine 0"])
    }
}
