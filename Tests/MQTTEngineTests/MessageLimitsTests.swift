// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// What the server does not take is refused before it is sent.
@Suite struct MessageLimitsTests {
    private static func harness(_ limits: MessageLimits) -> EngineHarness {
        EngineHarness.connected { $0.messageLimits = limits }
    }

    @Test func `a topic may be as long as the limit, and no longer`() {
        var harness = Self.harness(MessageLimits(topicLength: 8))
        // Bytes, not characters.
        #expect(harness.publish(message("aaaaaa\u{e9}", .atMostOnce), 1).sent.count == 1)
        #expect(harness.publish(message("aaaaaaa\u{e9}", .atMostOnce), 2).failure(of: 2)?.kind == .notSupportedByServer)
        #expect(harness.subscribe(.to(["aaaaaaaaa"]), 3).failure(of: 3)?.filter == "aaaaaaaaa")
    }

    @Test func `a topic may be as deep as the limit, and no deeper`() {
        var harness = Self.harness(MessageLimits(topicLevels: 3))
        #expect(harness.publish(message("a/b/c", .atMostOnce), 1).sent.count == 1)
        #expect(harness.publish(message("a/b/c/", .atMostOnce), 2).failure(of: 2)?.kind == .notSupportedByServer)
        #expect(harness.subscribe(.to(["a/b/c/#"]), 3).failure(of: 3)?.kind == .notSupportedByServer)
    }

    @Test func `a payload may be as large as the limit, and no larger`() throws {
        var harness = Self.harness(MessageLimits(payloadSize: 0))
        #expect(harness.publish(message("a", .atLeastOnce), 1).sent.count == 1)
        var limits = MessageLimits()
        limits.payloadSize = -1
        var none = Self.harness(limits)
        #expect(none.publish(message("a", .atLeastOnce), 1).failure(of: 1)?.kind == .packetTooLarge)
    }

    @Test func `the lower of what is configured and what is announced counts`() {
        var configured = EngineHarness.connected { $0.maximumQoS = .atLeastOnce }
        #expect(configured.publish(message("a", .exactlyOnce), 1).failure(of: 1)?.kind == .notSupportedByServer)
        #expect(configured.publish(message("a", .atLeastOnce), 2).sent.count == 1)
        var announced = EngineHarness.connected(connAck: ConnAck(properties: [.maximumQoS(.atMostOnce)])) {
            $0.maximumQoS = .atLeastOnce
        }
        #expect(announced.publish(message("a", .atLeastOnce), 1).failure(of: 1)?.kind == .notSupportedByServer)
    }

    @Test(arguments: [3, 7]) func `a resubscription goes in batches of what the server takes`(count: Int) {
        var harness = EngineHarness.connected { $0.filtersPerSubscribe = 3 }
        let filters = (0..<count).map { "f\($0)" }
        harness.subscribe(.to(filters), 1)
        let sent = harness.reconnect(ConnAck()).sent
        let sizes = sent.map { effect -> Int in
            guard case .send(.subscribe(let packet)) = effect else { return 0 }
            return packet.entries.count
        }
        #expect(sizes == (count == 3 ? [3] : [3, 3, 1]))
    }
}
