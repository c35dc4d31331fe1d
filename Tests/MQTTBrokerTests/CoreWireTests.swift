// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

@testable import MQTTBroker

/// What the core and the decoder of a server do together with bytes.
@Suite struct CoreWireTests {
    private func connect(
        name: String,
        level: UInt8,
        flags: UInt8,
        id: String = "a",
        _ properties: [UInt8] = []
    ) -> [UInt8] {
        let block = level == 5 ? [UInt8(properties.count)] + properties : []
        let body =
            [0, UInt8(name.utf8.count)] + Array(name.utf8) + [level, flags, 0, 0] + block
            + [0, UInt8(id.utf8.count)] + Array(id.utf8)
        return [0x10, UInt8(body.count)] + body
    }

    @Test(
        .serves("5:MQTT-3.1.3-5", "5:MQTT-3.2.2-1", "3.1.1:MQTT-3.1.3-5"),
        arguments: [
            ("MQIsdp", 3, [0x20, 2, 0, 0]), ("MQTT", 4, [0x20, 2, 0, 0]),
            ("MQTT", 5, [0x20, 6, 0, 0, 3, 0x22, 255, 255]),
        ]
            as [(String, UInt8, [UInt8])]
    )
    func `a good CONNECT of any version gets the CONNACK of its version`(name: String, level: UInt8, connAck: [UInt8]) {
        var broker = CoreHarness()
        let id = "0123456789abcdefghijXYZ"
        let answer = broker.answer(to: self.connect(name: name, level: level, flags: 2, id: id))
        #expect(answer.bytes == [connAck])
    }

    @Test(
        .serves(
            "5:MQTT-3.1.2-1",
            "5:MQTT-3.1.2-2",
            "3.1.1:MQTT-3.1.2-1",
            "3.1.1:MQTT-3.1.2-2"
        ),
        arguments: [("MQTT", 6), ("MQTT", 3), ("mqtt", 4), ("AMQP", 1)] as [(String, UInt8)]
    )
    func `another protocol or version gets code 1 and is closed`(name: String, level: UInt8) {
        var broker = CoreHarness()
        let answer = broker.answer(to: self.connect(name: name, level: level, flags: 2))
        #expect(answer.bytes == [[0x20, 2, 0, 1]])
        #expect(broker.closed.contains(answer.id))
    }

    @Test(.serves("5:MQTT-3.1.2-3", "U5-3.1.2.3-1", "3.1.1:MQTT-3.1.2-3"), arguments: [4, 5] as [UInt8])
    func `the reserved flag of CONNECT closes the connection`(level: UInt8) {
        var broker = CoreHarness()
        let answer = broker.answer(to: self.connect(name: "MQTT", level: level, flags: 3))
        #expect(answer.bytes == [])
        #expect(broker.closed.contains(answer.id))
    }

    @Test(
        .serves(
            "5:MQTT-2.1.3-1",
            "5:MQTT-3.14.1-1",
            "U5-3.13-1?",
            "3.1.1:MQTT-2.2.2-2",
            "3.1.1:MQTT-3.14.1-1"
        ),
        arguments: [4, 5] as [UInt8]
    )
    func `PINGREQ gets PINGRESP, reserved bits of DISCONNECT end the connection`(level: UInt8) {
        var broker = CoreHarness()
        let connect = self.connect(name: "MQTT", level: level, flags: 2)
        let answer = broker.answer(to: connect + [0xC0, 0] + [0xE1, 0])
        #expect(answer.bytes.dropFirst().first == [0xD0, 0])
        #expect(broker.closed.contains(answer.id))
        #expect(answer.bytes.count == (level == 5 ? 3 : 2))
        #expect(level == 4 || answer.bytes.last?.prefix(1) == [0xE0] && answer.bytes.last?.dropFirst(2).first == 0x81)
    }

    @Test(.serves("5:MQTT-3.9.3-2", "3.1.1:MQTT-3.9.3-2"), arguments: [(UInt8(4), UInt8(0x80)), (5, 0x97)])
    func `a refused filter has the code of its version`(level: UInt8, code: UInt8) {
        var broker = CoreHarness { $0.subscriptionsPerSession = 0 }
        let subscribe: [UInt8] = level == 5 ? [0x82, 7, 0, 9, 0, 0, 1, 0x74, 1] : [0x82, 6, 0, 9, 0, 1, 0x74, 1]
        let answer = broker.answer(to: self.connect(name: "MQTT", level: level, flags: 2) + subscribe)
        #expect(answer.bytes.last?.suffix(1) == [code])
    }

    @Test(.serves("5:MQTT-3.1.2-28", "5:MQTT-3.1.2-29"))
    func `a client that wants no words gets none but in CONNACK and DISCONNECT`() {
        var broker = CoreHarness()
        let (id, connAck) = broker.connecting(
            Connect(clientID: "a", properties: [.requestResponseInformation(false), .requestProblemInformation(false)])
        )
        #expect(connAck?.properties.responseInformation == nil)
        broker.send(.subscribing("a#"), .unsubscribing("b#"), .message("$SYS/x", "x", .atLeastOnce), from: id)
        let packets = broker.received(id)
        #expect(packets.map(\.reason) == [nil, nil, .notAuthorized])
        for packet in packets {
            switch packet {
            case .subAck(let packet): #expect(packet.properties.isEmpty)
            case .unsubAck(let packet):
                #expect(packet.properties.isEmpty)
                #expect(packet.reasons == [.topicFilterInvalid])
            case .pubAck(let packet): #expect(packet.properties.isEmpty)
            default: Issue.record("\(packet) is no answer")
            }
        }
    }

    @Test(.serves("U5-3.3.4-4"))
    func `a PUBLISH of a client with a subscription identifier is a protocol error`() {
        var broker = CoreHarness()
        let id = broker.connect("a")
        broker.send(.message("t", with: [.subscriptionIdentifier(1)]), from: id)
        #expect(broker.received(id).map(\.reason) == [.protocolError])
    }

    @Test(.serves("5:MQTT-4.5.0-1", "3.1.1:MQTT-4.5.0-1"))
    func `a message is for every session that matches, here or away`() {
        var broker = CoreHarness()
        let away = broker.connectForGood("away")
        broker.subscribe(away, "t/+")
        broker.close(away)
        let here = (0..<3).map { broker.connect("h\($0)", $0 == 0 ? .v311 : .v5) }
        for (id, filter) in zip(here, ["t/x", "#", "u"]) { broker.subscribe(id, filter) }
        broker.publish(Publish("t/x", "x", .atLeastOnce))
        #expect(here.map { broker.payloads($0) } == [["x"], ["x"], []])
        let back = broker.connectForGood("away")
        #expect(broker.payloads(back) == ["x"])
    }

    @Test(.serves("3.1.1:MQTT-3.1.2-12"))
    func `without a will nothing is published when a client is lost`() {
        var broker = CoreHarness()
        let watch = broker.connect("watch")
        broker.subscribe(watch, "#")
        let id = broker.connect("a", .v311)
        broker.close(id)
        #expect(broker.received(watch) == [])
    }
}
