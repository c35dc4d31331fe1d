// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// What a client may ask the server to leave out, and what it leaves out itself.
@Suite struct ProblemInformationTests {
    private static let properties: [Properties] = [
        [.reasonString("why")], [.userProperty(name: "a", value: "b")],
    ]

    @Test(.receives("U5-3.1.2.11.7-2"), arguments: Self.properties)
    func `problem information that was not asked for is a protocol error`(properties: Properties) {
        let packets: [Packet] = [
            .pubAck(Acknowledgement(packetID: id(1), properties: properties)),
            .pubRec(Acknowledgement(packetID: id(1), properties: properties)),
            .pubRel(Acknowledgement(packetID: id(1), properties: properties)),
            .pubComp(Acknowledgement(packetID: id(1), properties: properties)),
            .subAck(SubAck(packetID: id(1), reasons: [.success], properties: properties)),
            .unsubAck(UnsubAck(packetID: id(1), reasons: [.success], properties: properties)),
        ]
        for packet in packets {
            var harness = EngineHarness.connected { $0.refusesProblemInformation = true }
            let effects = harness.receive(packet)
            #expect(effects.sent.last == .send(.disconnect(Disconnect(reason: .protocolError))))
            #expect(effects.disconnected?.kind == .protocolViolation)
        }
        var harness = EngineHarness.connected { $0.refusesProblemInformation = true }
        let last = harness.receive(.disconnect(Disconnect(reason: .serverBusy, properties: properties)))
        #expect(last.disconnected?.kind == .disconnectedByServer)
    }

    @Test func `problem information that may come is taken`() {
        var harness = EngineHarness.connected()
        harness.publish(message("a", .atLeastOnce), 1)
        let answer = Acknowledgement(packetID: id(1), reason: .notAuthorized, properties: [.reasonString("why")])
        #expect(
            harness.receive(.pubAck(answer)).completions == [
                .complete(OperationID(1), .publishRefused(.notAuthorized, [.reasonString("why")]))
            ]
        )
    }

    @Test(.sends("5:MQTT-3.14.2-3", "5:MQTT-3.14.2-4"))
    func `fault 15: a DISCONNECT leaves out what the server has no room for, first the reason string`() throws {
        let full = Disconnect(
            reason: .disconnectWithWill,
            properties: [.sessionExpiryInterval(5), .reasonString("going"), .userProperty(name: "a", value: "b")]
        )
        let withoutReason = Disconnect(
            reason: .disconnectWithWill,
            properties: [.sessionExpiryInterval(5), .userProperty(name: "a", value: "b")]
        )
        let bare = Disconnect(reason: .disconnectWithWill, properties: [.sessionExpiryInterval(5)])
        let encoder = PacketEncoder(version: .v5)
        for packet in [full, withoutReason, bare] {
            let size = try encoder.encodedSize(of: .disconnect(packet))
            var harness = EngineHarness.connected(connAck: ConnAck(properties: [.maximumPacketSize(UInt32(size))]))
            #expect(harness.disconnect(packet: full).sent == [.send(.disconnect(packet))])
        }
    }
}
