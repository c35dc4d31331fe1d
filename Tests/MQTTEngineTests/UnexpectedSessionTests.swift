// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// A session the client knows nothing of (MQTT-3.2.2-4).
@Suite struct UnexpectedSessionTests {
    private static func harness(
        _ choice: EngineConfiguration.UnexpectedSession,
        _ version: ProtocolVersion = .v5,
        isDurable: Bool = false
    ) -> EngineHarness {
        EngineHarness(version) { configuration in
            configuration.cleanStart = .never
            configuration.sessionExpiry = .max
            configuration.unexpectedSession = choice
            configuration.isDurable = isDurable
        }
    }

    @Test(.sends("5:MQTT-3.2.2-4"))
    func `fault 6: an unknown session is refused with a protocol error, and the client gives up`() {
        var harness = Self.harness(.refuse)
        let effects = harness.connect(ConnAck(sessionPresent: true), operation: 1)
        #expect(effects.sent.last == .send(.disconnect(Disconnect(reason: .protocolError))))
        #expect(effects.contains(.close))
        #expect(effects.failure(of: 1)?.kind == .unexpectedSession)
        #expect(!harness.engine.isActive)
    }

    @Test(.sends("U5-3.2.2.1.1-1"))
    func `fault 6: a client may begin anew instead, once`() {
        var harness = Self.harness(.startClean)
        let effects = harness.connect(ConnAck(sessionPresent: true), operation: 1)
        #expect(effects.sent.last == .send(.disconnect(Disconnect(reason: .protocolError))))
        #expect(effects.last == .dial)
        #expect(effects.completions.isEmpty)
        guard case .send(.connect(let connect))? = harness.linkUp().first else {
            Issue.record("no CONNECT")
            return
        }
        #expect(connect.cleanStart)
        #expect(harness.receive(.connAck(ConnAck())).completions.count == 1)
        harness.linkLost()
        if let due = harness.engine.nextDeadline { harness.now = due }
        harness.deadlineReached()
        guard case .send(.connect(let next))? = harness.linkUp().first else {
            Issue.record("no CONNECT")
            return
        }
        #expect(!next.cleanStart)
    }

    @Test func `a client may adopt it, and says so`() {
        var harness = Self.harness(.adopt)
        let effects = harness.connect(ConnAck(sessionPresent: true), operation: 1)
        #expect(effects.contains(.report(.adoptedSession(clientID: "client"))))
        #expect(harness.engine.isConnected)
    }

    @Test func `a session of an earlier connection or of a store is no surprise`() {
        var harness = Self.harness(.refuse)
        harness.connect()
        #expect(!harness.reconnect().contains(.close))
        #expect(harness.engine.isConnected)
        var durable = Self.harness(.refuse, isDurable: true)
        durable.connect(ConnAck(sessionPresent: true))
        #expect(durable.engine.isConnected)
    }

    @Test func `fault 6: before 5.0 it is adopted, and told`() {
        var harness = Self.harness(.refuse, .v311)
        let effects = harness.connect(ConnAck(sessionPresent: true))
        #expect(effects.contains(.report(.adoptedSession(clientID: "client"))))
        #expect(harness.engine.isConnected)
    }
}
