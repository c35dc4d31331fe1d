// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// Going to another server when a server says so (MQTT 5.0, 4.11).
@Suite struct ServerReferenceTests {
    @Test(arguments: [
        ("b", [ServerReference(host: "b")]),
        ("b:1884", [ServerReference(host: "b", port: 1884)]),
        ("b:1884 c  [::1]:99 [fe80::1] 192.0.2.1:1", [
            ServerReference(host: "b", port: 1884), ServerReference(host: "c"), ServerReference(host: "::1", port: 99),
            ServerReference(host: "fe80::1"), ServerReference(host: "192.0.2.1", port: 1),
        ]),
        ("2001:db8::1", [ServerReference(host: "2001:db8::1")]),
        ("", []), (" ", []), (":1", []), ("b:", []), ("b:0", []), ("b:65536", []), ("b:-1", []), ("[::1", []), ("[]:1", []),
        ("[::1]x", []), ("[::1]:", []),
    ])
    func `a server reference is a list of hosts with ports`(text: String, servers: [ServerReference]) {
        #expect(ServerReference.parse(text) == servers)
    }

    @Test func `a long reference is read in bounds`() {
        #expect(ServerReference.parse(Array(repeating: "b", count: 30_000).joined(separator: " ")).count == 32)
    }

    @Test(arguments: [
        ("b.example.com", true), ("B.EXAMPLE.com", true), ("c.other.org", true), ("other.org", false),
        ("xother.org", false), ("example.com", false), ("ab.example.com", false), ("", false),
    ])
    func `only hosts the policy names are followed to`(host: String, isAllowed: Bool) {
        let policy = ServerReferencePolicy.follow(to: ["b.example.com", ".other.org"])
        #expect(policy.allows(host) == isAllowed)
        #expect(!ServerReferencePolicy.ignore.allows(host))
    }

    private static func refusal(_ reason: ReasonCode, _ server: String) -> ConnAck {
        ConnAck(reason: reason, properties: [.serverReference(server)])
    }

    private static func harness(_ references: ServerReferencePolicy) -> EngineHarness {
        EngineHarness { $0.reconnect.serverReferences = references }
    }

    @Test(.receives("U5-4.11-1", "U5-3.2.2.3.16-1"), arguments: [ReasonCode.useAnotherServer, .serverMoved])
    func `without a policy a server reference ends the client, and the caller sees it`(reason: ReasonCode) {
        var harness = Self.harness(.ignore)
        let effects = harness.connect(Self.refusal(reason, "b"), operation: 1)
        #expect(effects.failure(of: 1)?.reason == reason)
        #expect(effects.failure(of: 1)?.properties.serverReference == "b")
        #expect(!harness.engine.isActive)
    }

    @Test(.receives("U5-4.11-1"))
    func `a named server is dialled at once, and is where a moved client stays`() {
        var harness = Self.harness(.follow(to: ["b"]))
        let effects = harness.connect(Self.refusal(.serverMoved, "x b:1884"), operation: 1)
        #expect(effects.contains(.report(.redirected(ServerReference(host: "b", port: 1884)))))
        #expect(effects.last == .dial)
        #expect(effects.completions.isEmpty)
        #expect(harness.engine.server == ServerReference(host: "b", port: 1884))
        harness.linkUp()
        #expect(harness.receive(.connAck(ConnAck())).completions.count == 1)
        harness.linkLost()
        #expect(harness.engine.server == ServerReference(host: "b", port: 1884))
        harness.disconnect()
        harness.startConnecting()
        #expect(harness.engine.server == nil)
    }

    @Test func `a server used for now is left with its connection`() {
        var harness = Self.harness(.follow(to: ["b"]))
        harness.connect(Self.refusal(.useAnotherServer, "b"))
        #expect(harness.engine.server?.host == "b")
        harness.linkUp()
        harness.receive(.connAck(ConnAck()))
        harness.linkLost()
        #expect(harness.engine.server == nil)
        #expect(harness.engine.isActive)
    }

    @Test func `servers that name one another are not followed for ever`() {
        var harness = Self.harness(.follow(to: ["a", "b", "c"], limit: 10))
        harness.connect(Self.refusal(.useAnotherServer, "b"))
        harness.linkUp()
        harness.receive(.connAck(Self.refusal(.useAnotherServer, "a")))
        #expect(harness.engine.server?.host == "a")
        harness.linkUp()
        let effects = harness.receive(.connAck(Self.refusal(.useAnotherServer, "b")))
        #expect(!effects.contains(.dial))
        #expect(!harness.engine.isActive)
    }

    @Test func `the limit of servers in a row holds`() {
        var harness = Self.harness(.follow(to: ["a", "b", "c"], limit: 2))
        harness.connect(Self.refusal(.useAnotherServer, "a"))
        harness.linkUp()
        harness.receive(.connAck(Self.refusal(.useAnotherServer, "b")))
        harness.linkUp()
        #expect(!harness.receive(.connAck(Self.refusal(.useAnotherServer, "c"))).contains(.dial))
    }

    @Test func `a DISCONNECT may name another server too`() {
        var harness = EngineHarness.connected { $0.reconnect.serverReferences = .follow(to: ["b"]) }
        let packet = Disconnect(reason: .useAnotherServer, properties: [.serverReference("b")])
        #expect(harness.receive(.disconnect(packet)).last == .dial)
        #expect(harness.engine.server?.host == "b")
    }
}

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
    func `an unknown session is refused with a protocol error, and the client gives up`() {
        var harness = Self.harness(.refuse)
        let effects = harness.connect(ConnAck(sessionPresent: true), operation: 1)
        #expect(effects.sent.last == .send(.disconnect(Disconnect(reason: .protocolError))))
        #expect(effects.contains(.close))
        #expect(effects.failure(of: 1)?.kind == .unexpectedSession)
        #expect(!harness.engine.isActive)
    }

    @Test(.sends("U5-3.2.2.1.1-1"))
    func `a client may begin anew instead, once`() {
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

    @Test func `before 5.0 it is adopted, and told`() {
        var harness = Self.harness(.refuse, .v311)
        let effects = harness.connect(ConnAck(sessionPresent: true))
        #expect(effects.contains(.report(.adoptedSession(clientID: "client"))))
        #expect(harness.engine.isConnected)
    }
}
