// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// User properties of SUBSCRIBE and UNSUBSCRIBE.
@Suite struct SubscribePropertiesTests {
    private static func request(_ filter: String, id: UInt32, _ properties: Properties) -> SubscribeRequest {
        var request = SubscribeRequest.to([filter], id: id)
        request.properties = properties
        return request
    }

    @Test func `user properties go with their own filters alone, at resubscriptions too`() {
        let properties: Properties = [.userProperty(name: "a", value: "1"), .userProperty(name: "a", value: "2")]
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["x"], id: 1), 1)
        harness.subscribe(Self.request("y", id: 2, properties), 2)
        harness.subscribe(.to(["z"], id: 3), 3)
        for case .send(.subscribe(let packet)) in harness.reconnect(ConnAck()).sent {
            let filters = packet.entries.map(\.filter)
            #expect(packet.properties == (filters == ["y"] ? properties : []))
        }
    }

    @Test func `the properties of the answers reach the caller`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["x"]), 1)
        let answer = SubAck(packetID: id(1), reasons: [.grantedQoS1], properties: [.reasonString("less")])
        #expect(
            harness.receive(.subAck(answer)).completions == [
                .complete(OperationID(1), .subscribed([.grantedQoS1], [.reasonString("less")]))
            ]
        )
        harness.unsubscribe(1, 2)
        let end = UnsubAck(packetID: id(2), reasons: [.success], properties: [.userProperty(name: "a", value: "b")])
        #expect(
            harness.receive(.unsubAck(end)).completions == [
                .complete(OperationID(2), .unsubscribed([.success], [.userProperty(name: "a", value: "b")]))
            ]
        )
    }

    @Test(.sends("5:MQTT-3.2.2-15"))
    func `user properties count against the server's packet size`() {
        let long = Properties([.userProperty(name: "a", value: String(repeating: "b", count: 100))])
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.maximumPacketSize(100)]))
        #expect(harness.subscribe(Self.request("y", id: 1, long), 1).failure(of: 1)?.kind == .packetTooLarge)
        #expect(harness.subscribe(.to(["y"], id: 2), 2).sent.count == 1)
    }
}
