// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@testable import MQTTBroker

@Suite struct CoreSharedTests {
    private func members(
        _ broker: inout CoreHarness,
        _ count: Int,
        _ filter: String,
        qos: QoS = .exactlyOnce
    ) -> [ConnectionID] {
        (0..<count).map { number in
            let id = broker.connectForGood("m\(number)")
            broker.subscribe(id, filter, qos: qos)
            return id
        }
    }

    @Test(.serves("5:MQTT-4.8.2-3"))
    func `members of a group take turns, each group gets every message`() {
        var broker = CoreHarness()
        let first = self.members(&broker, 3, "$share/g/t")
        let other = broker.connect("other")
        broker.subscribe(other, "$share/h/+", qos: .atMostOnce)
        for number in 0..<6 { broker.publish(Publish("t", String(number), .atLeastOnce)) }
        for (place, id) in first.enumerated() { #expect(broker.payloads(id) == [String(place), String(place + 3)]) }
        let messages = broker.messages(other)
        #expect(messages.map(\.text) == ["0", "1", "2", "3", "4", "5"])
        #expect(messages.allSatisfy { $0.qos == .atMostOnce })
    }

    @Test(.serves("5:MQTT-3.3.4-5"))
    func `a session with a shared and a plain subscription gets a message for each`() {
        var broker = CoreHarness()
        let id = broker.connect("a")
        broker.subscribe(id, "$share/g/t", identifier: 1)
        broker.subscribe(id, "t", identifier: 2)
        broker.publish(Publish("t"))
        #expect(Set(broker.messages(id).map(\.properties.subscriptionIdentifiers)) == [[1], [2]])
    }

    @Test func `a shared subscription gets no retained messages`() {
        var broker = CoreHarness()
        broker.publish(Publish("t", retain: true))
        let id = broker.connect("a")
        broker.subscribe(id, "$share/g/t")
        #expect(broker.received(id) == [])
    }

    @Test func `who is connected is preferred, and who is ready among them`() {
        var broker = CoreHarness()
        let ids = self.members(&broker, 3, "$share/g/t")
        broker.close(ids[0])
        broker.setWritable(false, ids[1])
        for number in 0..<4 { broker.publish(Publish("t", String(number), .atLeastOnce)) }
        #expect(broker.payloads(ids[2]) == ["0", "1", "2", "3"])
        broker.close(ids[1])
        broker.close(ids[2])
        broker.publish(Publish("t", "nobody is here", .atLeastOnce))
        broker.publish(Publish("t", "lost", .atMostOnce))
        let found = (0..<3).flatMap { number in
            let id = broker.connectForGood("m\(number)")
            return broker.payloads(id)
        }
        #expect(found.filter { $0 == "nobody is here" }.count == 1)
        #expect(!found.contains("lost"))
    }

    @Test(.serves("5:MQTT-4.8.2-5"))
    func `what a member had not acknowledged when its session ends goes to another`() {
        var broker = CoreHarness()
        let first = broker.connect("first", .v5, [.receiveMaximum(2)])
        broker.subscribe(first, "$share/g/t")
        broker.publish(Publish("t", "begun 1", .atLeastOnce))
        broker.publish(Publish("t", "begun 2", .exactlyOnce))
        broker.publish(Publish("t", "waits 1", .atLeastOnce))
        broker.publish(Publish("t", "waits 2", .exactlyOnce))
        #expect(broker.payloads(first) == ["begun 1", "begun 2"])
        let second = broker.connect("second")
        broker.subscribe(second, "$share/g/t")
        broker.close(first)
        let messages = broker.messages(second)
        #expect(messages.map(\.text) == ["begun 1", "waits 1", "waits 2"])
        #expect(messages.allSatisfy { !$0.duplicate })
    }

    @Test(.serves("5:MQTT-4.8.2-6"), arguments: [QoS.atLeastOnce, .exactlyOnce])
    func `a message a member refuses is gone`(qos: QoS) {
        var broker = CoreHarness()
        // Their sessions end with their connections.
        let ids = ["m0", "m1"].map { broker.connect($0) }
        for id in ids { broker.subscribe(id, "$share/g/t") }
        broker.publish(Publish("t", "x", qos))
        #expect(broker.payloads(ids[0]) == ["x"])
        let refusal = Acknowledgement(1, .unspecifiedError)
        broker.send(qos == .atLeastOnce ? .pubAck(refusal) : .pubRec(refusal), from: ids[0])
        #expect(broker.received(ids[0]) == [])
        broker.close(ids[0])
        #expect(broker.payloads(ids[1]) == [])
    }

    @Test(.serves("5:MQTT-4.8.2-4"), arguments: [false, true])
    func `a QoS 2 message begun with a member is completed with that member`(wasReceived: Bool) {
        var broker = CoreHarness()
        let ids = self.members(&broker, 2, "$share/g/t")
        broker.publish(Publish("t", "x", .exactlyOnce))
        if wasReceived { broker.send(.pubRec(Acknowledgement(1)), from: ids[0]) }
        _ = broker.received(ids[0])
        broker.close(ids[0])
        let back = broker.connectForGood("m0")
        let again: Packet =
            wasReceived ? .pubRel(Acknowledgement(1)) : .message("t", "x", .exactlyOnce, duplicate: true)
        #expect(broker.received(back) == [again])
        #expect(broker.received(ids[1]) == [])
    }

    @Test func `a member that is back takes its turns again`() {
        var broker = CoreHarness()
        let ids = self.members(&broker, 2, "$share/g/t")
        broker.close(ids[0])
        let back = broker.connectForGood("m0")
        for number in 0..<4 { broker.publish(Publish("t", String(number), .atLeastOnce)) }
        #expect(broker.payloads(back).count == 2)
        #expect(broker.payloads(ids[1]).count == 2)
    }

    @Test func `members come and go`() {
        var broker = CoreHarness()
        let ids = self.members(&broker, 40, "$share/g/t")
        for id in ids.prefix(38) { broker.send(.unsubscribing("$share/g/t"), from: id) }
        broker.close(ids[38])
        for id in ids { _ = broker.received(id) }
        for _ in 0..<3 { broker.publish(Publish("t", "x", .atLeastOnce)) }
        #expect(broker.payloads(ids[39]).count == 3)
        broker.send(.unsubscribing("$share/g/t"), from: ids[39])
        let back = broker.connectForGood("m38")
        #expect(broker.payloads(back) == [])
        broker.send(.unsubscribing("$share/g/t"), from: back)
        #expect(broker.core.subscriptions.count == 0)
        #expect(broker.core.subscriptions.entries(matching: "t") == [])
    }
}

@Suite struct CoreSystemTests {
    @Test func `the broker's own topics are retained and refreshed while somebody reads them`() {
        var broker = CoreHarness()
        let id = broker.connect("a")
        #expect(broker.core.nextDeadline == nil)
        broker.advance(.seconds(5))
        broker.subscribe(id, "$SYS/#", qos: .atMostOnce)
        let values = Dictionary(uniqueKeysWithValues: broker.messages(id).map { ($0.topic, ($0.text, $0.retain)) })
        #expect(values["$SYS/broker/uptime"]?.0 == "5 seconds")
        #expect(values["$SYS/broker/clients/connected"]?.0 == "1")
        #expect(values["$SYS/broker/clients/total"]?.0 == "1")
        #expect(values["$SYS/broker/messages/received"]?.0 == "2")
        #expect(values["$SYS/broker/subscriptions/count"]?.0 == "1")
        #expect(values["$SYS/broker/version"]?.0 == "swift-mqtt")
        #expect(values.count == 8)
        #expect(values.values.allSatisfy { $0.1 })
        broker.advance(.seconds(10))
        #expect(broker.messages(id).first { $0.topic == "$SYS/broker/uptime" }?.text == "15 seconds")
        broker.send(.unsubscribing("$SYS/#"), from: id)
        _ = broker.received(id)
        broker.advance(.seconds(60))
        #expect(broker.received(id) == [])
        #expect(broker.core.nextDeadline == nil)
    }
}
