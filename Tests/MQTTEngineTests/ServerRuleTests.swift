// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// What a server before 5.0 may do, and what it may not.
@Suite struct ServerRuleTests {
    @Test(
        .receives("3.1.1:MQTT-3.1.2-2", "3.1.1:MQTT-3.1.3-8", "3.1.1:MQTT-3.1.3-9", "3.1.1:MQTT-3.1.4-5"),
        .receives("3.1.1:MQTT-3.2.2-5"),
        arguments: [
            ReasonCode.unsupportedProtocolVersion, .clientIdentifierNotValid, .serverUnavailable,
            .badUserNameOrPassword, .notAuthorized,
        ]
    )
    func `each of the five refusals ends the call with its reason, and the connection`(reason: ReasonCode) {
        var harness = EngineHarness(.v311)
        harness.startConnecting(operation: 1)
        harness.linkUp()
        let effects = harness.receive(.connAck(ConnAck(reason: reason)))
        #expect(effects.first == .close)
        #expect(effects.sent == [])
        #expect(effects.failure(of: 1)?.kind == .connectRefused)
        #expect(effects.failure(of: 1)?.reason == reason)
    }

    @Test(
        .receives("3.1.1:MQTT-2.3.1-7", "3.1.1:MQTT-3.8.4-2", "3.1.1:MQTT-3.8.4-5", "3.1.1:MQTT-3.10.4-4"),
        arguments: [subAck(9, .success), unsubAck(9), subAck(1, .success, .success), unsubAck(1)]
    )
    func `an answer nobody asked for, or of the wrong length, closes the connection`(packet: Packet) {
        var harness = EngineHarness.connected(.v311)
        harness.subscribe(.to(["a"]), 1)
        let effects = harness.receive(packet)
        #expect(effects.first == .close)
        #expect(effects.sent == [])
        #expect(effects.completions == [])
        #expect(effects.disconnected?.kind == .protocolViolation)
    }

    @Test(
        .receives("3.1.1:MQTT-3.8.3-2", "3.1.1:MQTT-3.8.4-4", "3.1.1:MQTT-3.8.4-5", "3.1.1:MQTT-3.9.3-1")
    )
    func `the codes of a SUBACK belong to the filters by their places, and 0x80 fails one of them`() {
        var harness = EngineHarness.connected(.v311)
        harness.linkLost()
        harness.subscribe(.to(["a"], id: 1), 1)
        harness.subscribe(.to(["#"], id: 2), 2)
        harness.subscribe(.to(["c"], id: 3), 3)
        #expect(harness.redial(ConnAck()).sent == [sendSubscribe(1, ["a", "#", "c"])])
        let effects = harness.receive(subAck(1, .grantedQoS0, .unspecifiedError, .grantedQoS2))
        #expect(effects.contains(.complete(OperationID(1), .subscribed([.grantedQoS0]))))
        #expect(effects.failure(of: 2)?.filter == "#")
        #expect(effects.contains(.complete(OperationID(3), .subscribed([.grantedQoS2]))))
        #expect(harness.engine.isConnected)
    }

    @Test(.receives("3.1.1:MQTT-3.10.4-5", "3.1.1:MQTT-3.10.4-6", "5:MQTT-3.10.4-5", "5:MQTT-3.10.4-6"))
    func `an UNSUBACK for filters the server did not have is a success`() {
        for version in [ProtocolVersion.v311, .v5] {
            var harness = EngineHarness.connected(version)
            harness.subscribe(.to(["a", "b"]), 1)
            harness.receive(subAck(1, .success, .success))
            harness.unsubscribe(1, 2)
            let reasons: [ReasonCode] = version == .v5 ? [.noSubscriptionExisted, .success] : []
            let answer = Packet.unsubAck(UnsubAck(packetID: id(2), reasons: reasons))
            #expect(harness.receive(answer) == [.complete(OperationID(2), .unsubscribed(reasons))])
        }
    }
}
