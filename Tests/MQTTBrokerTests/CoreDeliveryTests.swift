// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@testable import MQTTBroker

@Suite struct CoreDeliveryTests {
    @Test(
        .serves(
            "5:MQTT-2.2.1-2",
            "5:MQTT-3.3.1-2",
            "5:MQTT-3.3.1-3",
            "5:MQTT-3.8.4-8",
            "5:MQTT-4.3.1-1",
            "5:MQTT-4.3.2-2",
            "5:MQTT-4.3.3-2",
            "3.1.1:MQTT-2.3.1-5",
            "3.1.1:MQTT-3.3.1-2",
            "3.1.1:MQTT-3.3.1-3",
            "3.1.1:MQTT-3.8.4-6",
            "3.1.1:MQTT-4.3.1-1"
        ),
        arguments: QoS.allCases,
        QoS.allCases
    )
    func `a message is delivered with the lower of published and granted QoS`(published: QoS, granted: QoS) {
        for version in ProtocolVersion.allCases {
            var broker = CoreHarness()
            let id = broker.connect("a", version)
            broker.subscribe(id, "t", qos: granted)
            let publisher = broker.connect("publisher", version)
            // Whether the publisher repeats it is nothing to the subscriber.
            broker.send(.message("t", "x", published, duplicate: published != .atMostOnce), from: publisher)
            let messages = broker.messages(id)
            #expect(messages.map(\.qos) == [min(published, granted)])
            #expect(messages.map { $0.packetID != nil } == [min(published, granted) != .atMostOnce])
            #expect(messages.map(\.duplicate) == [false])
        }
    }

    @Test(
        .serves(
            "5:MQTT-3.3.1-1",
            "5:MQTT-3.3.1-3",
            "5:MQTT-4.3.2-1",
            "5:MQTT-4.3.2-3",
            "5:MQTT-4.3.3-1",
            "5:MQTT-4.3.3-3",
            "5:MQTT-4.4.0-1",
            "3.1.1:MQTT-2.3.1-3",
            "3.1.1:MQTT-2.3.1-4",
            "3.1.1:MQTT-3.3.1-1",
            "3.1.1:MQTT-4.3.2-1",
            "3.1.1:MQTT-4.4.0-1"
        ),
        arguments: ProtocolVersion.allCases,
        [QoS.atLeastOnce, .exactlyOnce]
    )
    func `what was not acknowledged is sent again in order under its identifiers`(version: ProtocolVersion, qos: QoS) {
        var broker = CoreHarness()
        let first = broker.connectForGood("a", version)
        broker.subscribe(first, "t")
        for text in ["1", "2", "3"] { broker.publish(Publish("t", text, qos)) }
        let sent = broker.messages(first)
        #expect(Set(sent.map(\.packetID)).count == 3)
        if qos == .atLeastOnce {
            broker.send(.pubAck(Acknowledgement(2)), from: first)
        } else {
            broker.send(.pubRec(Acknowledgement(2)), .pubComp(Acknowledgement(2)), from: first)
            #expect(broker.received(first) == [.pubRel(Acknowledgement(2))])
        }
        broker.advance(.hours(1))
        #expect(broker.received(first) == [])
        broker.close(first)
        broker.publish(Publish("t", "4", qos))
        let second = broker.connectForGood("a", version)
        let again = broker.messages(second)
        #expect(again.map(\.text) == ["1", "3", "4"])
        #expect(again.map(\.duplicate) == [true, true, false])
        #expect(again.prefix(2).map(\.packetID) == [sent[0].packetID, sent[2].packetID])
        #expect(Set(again.map(\.packetID)).count == 3)
    }

    @Test(
        .serves(
            "5:MQTT-4.3.3-4",
            "5:MQTT-4.3.3-5",
            "5:MQTT-4.3.3-6",
            "5:MQTT-4.4.0-1",
            "3.1.1:MQTT-4.3.3-1",
            "3.1.1:MQTT-4.4.0-1"
        ),
        arguments: [ProtocolVersion.v5, .v311]
    )
    func `after PUBREC only PUBREL is sent again`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let first = broker.connectForGood("a", version)
        broker.subscribe(first, "t")
        broker.publish(Publish("t", "1", .exactlyOnce))
        broker.publish(Publish("t", "2", .exactlyOnce))
        broker.send(.pubRec(Acknowledgement(2)), .pubRec(Acknowledgement(2)), from: first)
        #expect(broker.received(first).suffix(2) == [.pubRel(Acknowledgement(2)), .pubRel(Acknowledgement(2))])
        broker.close(first)
        let second = broker.connectForGood("a", version)
        let again = broker.received(second)
        #expect(again == [.pubRel(Acknowledgement(2)), .message("t", "1", .exactlyOnce, id: 1, duplicate: true)])
        broker.send(.pubComp(Acknowledgement(2)), from: second)
        broker.close(second)
        let third = broker.connectForGood("a", version)
        #expect(broker.received(third) == [.message("t", "1", .exactlyOnce, id: 1, duplicate: true)])
    }

    @Test(.serves("5:MQTT-4.4.0-2", "U5-4.13.2-1"), arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `an acknowledgement with an error ends the exchange`(qos: QoS) {
        var broker = CoreHarness()
        let first = broker.connectForGood("a", .v5, [.receiveMaximum(1)])
        broker.subscribe(first, "t")
        broker.publish(Publish("t", "1", qos))
        broker.publish(Publish("t", "2", qos))
        let refusal = Acknowledgement(1, .unspecifiedError)
        broker.send(qos == .atLeastOnce ? .pubAck(refusal) : .pubRec(refusal), from: first)
        #expect(broker.payloads(first) == ["1", "2"])
        broker.close(first)
        let second = broker.connectForGood("a")
        #expect(broker.payloads(second) == ["2"])
    }

    @Test(
        .serves("5:MQTT-2.2.1-4", "3.1.1:MQTT-2.3.1-3", "3.1.1:MQTT-2.3.1-4"),
        arguments: [ProtocolVersion.v5, .v311]
    )
    func `an identifier in use is passed over`(version: ProtocolVersion) {
        var broker = CoreHarness()
        let id = broker.connect("a", version)
        broker.subscribe(id, "t")
        broker.publish(Publish("t", "stays", .atLeastOnce))
        var seen: Set<PacketID> = []
        for _ in 0..<65_536 {
            broker.publish(Publish("t", "x", .atLeastOnce))
            for message in broker.messages(id) where message.text == "x" {
                guard let packetID = message.packetID else { continue }
                seen.insert(packetID)
                broker.send(.pubAck(Acknowledgement(packetID: packetID)), from: id)
            }
        }
        #expect(seen.count == 65_534)
        #expect(!seen.contains(.first))
    }

    @Test(
        .serves(
            "5:MQTT-3.3.4-10",
            "5:MQTT-3.3.4-9",
            "5:MQTT-4.9.0-1",
            "5:MQTT-4.9.0-2",
            "5:MQTT-4.9.0-3"
        )
    )
    func `no more than the receive maximum is under way`() {
        var broker = CoreHarness()
        let id = broker.connect("a", .v5, [.receiveMaximum(2)])
        broker.subscribe(id, "t")
        for text in ["1", "2", "3", "4", "5"] { broker.publish(Publish("t", text, .exactlyOnce)) }
        broker.publish(Publish("t", "zero"))
        #expect(broker.payloads(id) == ["1", "2", "zero"])
        broker.send(.pingRequest, .pubRec(Acknowledgement(1)), from: id)
        #expect(broker.received(id) == [.pingResponse, .pubRel(Acknowledgement(1))])
        broker.send(.pubComp(Acknowledgement(1)), from: id)
        #expect(broker.payloads(id) == ["3"])
        broker.send(.pubRec(Acknowledgement(2, .unspecifiedError)), from: id)
        #expect(broker.payloads(id) == ["4"])
    }

    @Test func `a smaller receive maximum holds for what is sent again, too`() {
        var broker = CoreHarness()
        let first = broker.connectForGood("a")
        broker.subscribe(first, "t")
        for text in ["1", "2", "3"] { broker.publish(Publish("t", text, .atLeastOnce)) }
        broker.close(first)
        let second = broker.connectForGood("a", .v5, [.receiveMaximum(1)])
        #expect(broker.payloads(second) == ["1"])
        broker.send(.pubAck(Acknowledgement(1)), from: second)
        #expect(broker.payloads(second) == ["2"])
        broker.send(.pubAck(Acknowledgement(3)), from: second)
        broker.send(.pubAck(Acknowledgement(2)), from: second)
        #expect(broker.payloads(second) == [])
        #expect(broker.core.sessions[0].outbound.exchangeCount == 0)
        #expect(broker.core.sessions[0].outbound.bytes == 0)
    }

    @Test func `before 5_0 the broker's own bound holds`() {
        var broker = CoreHarness { $0.inFlightMaximum = 1 }
        let id = broker.connect("a", .v311)
        broker.subscribe(id, "t")
        for text in ["1", "2"] { broker.publish(Publish("t", text, .atLeastOnce)) }
        #expect(broker.payloads(id) == ["1"])
        broker.send(.pubAck(Acknowledgement(1)), from: id)
        #expect(broker.payloads(id) == ["2"])
    }

    @Test(.serves("5:MQTT-3.1.2-24", "5:MQTT-3.1.2-25"), arguments: [QoS.atMostOnce, .atLeastOnce])
    func `a message too large for a client is dropped as if it were delivered`(qos: QoS) {
        var broker = CoreHarness()
        let small = broker.connect("small", .v5, [.maximumPacketSize(20), .receiveMaximum(1)])
        let large = broker.connect("large")
        for id in [small, large] { broker.subscribe(id, "t") }
        broker.publish(Publish("t", String(repeating: "x", count: 20), qos))
        broker.publish(Publish("t", "fits", qos))
        #expect(broker.payloads(small) == ["fits"])
        #expect(broker.payloads(large).count == 2)
        #expect(broker.events.contains(.dropped(clientID: "small", topic: "t")))
    }

    @Test(.serves("5:MQTT-3.3.2-5", "5:MQTT-3.3.2-6"))
    func `the expiry of a message is counted down, and it is dropped in the end`() {
        var broker = CoreHarness()
        let first = broker.connectForGood("a")
        broker.subscribe(first, "t")
        broker.close(first)
        broker.publish(Publish("t", "short", .atLeastOnce, with: [.messageExpiryInterval(10)]))
        broker.publish(Publish("t", "long", .atLeastOnce, with: [.messageExpiryInterval(60), .contentType("c")]))
        broker.advance(.milliseconds(10_500))
        let second = broker.connectForGood("a")
        let messages = broker.messages(second)
        #expect(messages.map(\.text) == ["long"])
        #expect(messages.first?.properties == [.messageExpiryInterval(50), .contentType("c")])
        #expect(broker.events.contains(.dropped(clientID: "a", topic: "t")))
    }

    @Test(.serves("5:MQTT-4.3.3-13", "5:MQTT-4.3.3-7"))
    func `what was sent once does not expire`() {
        var broker = CoreHarness()
        let first = broker.connectForGood("a")
        broker.subscribe(first, "t")
        broker.publish(Publish("t", "x", .exactlyOnce, with: [.messageExpiryInterval(10)]))
        broker.close(first)
        broker.advance(.seconds(20))
        let second = broker.connectForGood("a")
        #expect(broker.messages(second).map(\.properties) == [[.messageExpiryInterval(0)]])
        broker.send(.pubRec(Acknowledgement(1)), from: second)
        #expect(broker.received(second) == [.pubRel(Acknowledgement(1))])
    }

    @Test func `a queue is bounded by messages and the newest is dropped`() {
        var broker = CoreHarness { $0.queuedMessages = 2 }
        let first = broker.connectForGood("a")
        broker.subscribe(first, "t")
        broker.close(first)
        for text in ["1", "2", "3"] { broker.publish(Publish("t", text, .atLeastOnce)) }
        #expect(broker.events.filter { $0 == .dropped(clientID: "a", topic: "t") }.count == 1)
        let second = broker.connectForGood("a")
        #expect(broker.payloads(second) == ["1", "2"])
    }

    @Test func `a queue is bounded by bytes, those under way included`() {
        var broker = CoreHarness { $0.queuedBytes = 200 }
        let first = broker.connectForGood("a")
        broker.subscribe(first, "t")
        for text in ["1", "2", "3", "4"] { broker.publish(Publish("t", text, .atLeastOnce)) }
        #expect(broker.payloads(first) == ["1", "2", "3"])
        broker.send(.pubAck(Acknowledgement(1)), from: first)
        broker.publish(Publish("t", "5", .atLeastOnce))
        #expect(broker.payloads(first) == ["5"])
    }

    @Test func `a client that is slow gets QoS 0 up to the bound and QoS 1 later`() {
        var broker = CoreHarness { $0.queuedMessages = 3 }
        let id = broker.connect("a")
        broker.subscribe(id, "t")
        broker.setWritable(false, id)
        broker.publish(Publish("t", "1", .atLeastOnce))
        for text in ["2", "3", "4"] { broker.publish(Publish("t", text)) }
        #expect(broker.received(id) == [])
        #expect(broker.events.contains(.dropped(clientID: "a", topic: "t")))
        broker.setWritable(true, id)
        #expect(broker.payloads(id) == ["1", "2", "3"])
        broker.publish(Publish("t", "5"))
        #expect(broker.payloads(id) == ["5"])
    }

    @Test func `QoS 0 that waits for a slow client ends with its connection`() {
        var broker = CoreHarness()
        let first = broker.connectForGood("a")
        broker.subscribe(first, "t")
        broker.setWritable(false, first)
        broker.publish(Publish("t", "0"))
        broker.publish(Publish("t", "1", .atLeastOnce))
        broker.close(first)
        #expect(broker.core.sessions[0].outbound.waitingQoS0 == 0)
        let second = broker.connectForGood("a")
        #expect(broker.payloads(second) == ["1"])
        broker.send(.pubAck(Acknowledgement(1)), from: second)
        #expect(broker.core.sessions[0].outbound.bytes == 0)
    }

    @Test(
        .serves("5:MQTT-3.1.2-26", "5:MQTT-3.3.2-11", "5:MQTT-3.3.2-8"),
        arguments: [(2, 10), (10, 2)] as [(UInt16, UInt16)]
    )
    func `the broker uses aliases up to what both allow`(broker own: UInt16, client: UInt16) {
        var broker = CoreHarness { $0.outboundTopicAliases = own }
        let id = broker.connect("a", .v5, [.topicAliasMaximum(client)])
        broker.subscribe(id, "#")
        for topic in ["t", "t", "u", "v", "u"] { broker.publish(Publish(topic)) }
        let messages = broker.messages(id)
        #expect(messages.map(\.topic) == ["t", "", "u", "v", ""])
        #expect(messages.map(\.properties.topicAlias) == [1, 1, 2, nil, 2])
    }

    @Test(.serves("5:MQTT-3.1.2-27"))
    func `without a topic alias maximum the broker uses none`() {
        var broker = CoreHarness()
        let id = broker.connect("a")
        broker.subscribe(id, "#")
        for _ in 0..<2 { broker.publish(Publish("t")) }
        #expect(broker.received(id) == [.message("t"), .message("t")])
    }

    @Test(.serves("5:MQTT-3.3.2-7"))
    func `aliases end with the connection`() {
        var broker = CoreHarness()
        let first = broker.connectForGood("a", .v5, [.topicAliasMaximum(10)])
        broker.subscribe(first, "t")
        broker.publish(Publish("t", "x", .atLeastOnce))
        #expect(broker.messages(first).map(\.topic) == ["t"])
        broker.close(first)
        let second = broker.connectForGood("a", .v5, [.topicAliasMaximum(10)])
        #expect(broker.messages(second).map(\.topic) == ["t"])
    }

    @Test func `acknowledgements that do not fit end the connection, unknown ones do not`() {
        var broker = CoreHarness()
        let id = broker.connect("a")
        broker.subscribe(id, "t")
        broker.send(.pubAck(Acknowledgement(5)), .pubRec(Acknowledgement(6)), .pubComp(Acknowledgement(7)), from: id)
        #expect(broker.received(id) == [.pubRel(Acknowledgement(6, .packetIdentifierNotFound))])
        broker.publish(Publish("t", "x", .exactlyOnce))
        _ = broker.received(id)
        broker.send(.pubAck(Acknowledgement(1)), from: id)
        #expect(broker.received(id).map(\.reason) == [.protocolError])
    }

    @Test(
        .serves(
            "5:MQTT-4.6.0-5",
            "5:MQTT-4.6.0-6",
            "3.1.1:MQTT-4.6.0-5",
            "3.1.1:MQTT-4.6.0-6"
        ),
        arguments: [ProtocolVersion.v5, .v311]
    )
    func `messages of one topic keep their order through a full window and a reconnect`(version: ProtocolVersion) {
        var broker = CoreHarness()
        var id = broker.connectForGood("a", version, [.receiveMaximum(3)])
        broker.subscribe(id, "t")
        for number in 1...20 { broker.publish(Publish("t", String(number), .atLeastOnce)) }
        var seen: [String] = []
        for round in 0..<20 {
            let messages = broker.messages(id)
            for message in messages where !seen.contains(message.text) { seen.append(message.text) }
            if round == 5 {
                broker.close(id)
                id = broker.connectForGood("a", version, [.receiveMaximum(2)])
                continue
            }
            for message in messages {
                if let packetID = message.packetID {
                    broker.send(.pubAck(Acknowledgement(packetID: packetID)), from: id)
                }
            }
        }
        #expect(seen == (1...20).map(String.init))
    }
}
