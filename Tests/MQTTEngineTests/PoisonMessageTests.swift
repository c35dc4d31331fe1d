// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// A message that the server closes the connection over each time.
@Suite struct PoisonMessageTests {
    @Test(
        "fault 39: a message that ends every connection is set aside, and the others go on",
        arguments: [true, false]
    )
    func setAside(isKept: Bool) {
        var harness = EngineHarness.connected { $0.resendLimit = 3 }
        harness.publish(message("good", .atLeastOnce), 1)
        harness.publish(message("poison", .exactlyOnce), 2)
        harness.publish(message("later", .atLeastOnce), 3)
        harness.receive(pubAck(1))
        let connAck = ConnAck(sessionPresent: isKept)
        for _ in 0..<2 { #expect(harness.reconnect(connAck).completions.isEmpty) }
        let effects = harness.reconnect(connAck)
        #expect(effects.failure(of: 2)?.kind == .outcomeUnknown)
        let id: UInt16 = isKept ? 3 : 1
        #expect(effects.sent == [sendPublish(message("later", .atLeastOnce), id, duplicate: isKept)])
        #expect(harness.receive(pubAck(id)).completions == [published(3)])
    }

    @Test func `fault 39: a message behind another one is not blamed for it`() {
        var harness = EngineHarness.connected { $0.resendLimit = 2 }
        harness.publish(message("first", .atLeastOnce), 1)
        harness.publish(message("second", .atLeastOnce), 2)
        harness.reconnect()
        harness.receive(pubAck(1))
        #expect(harness.reconnect().completions.isEmpty)
        #expect(harness.receive(pubAck(2)).completions == [published(2)])
    }
}
