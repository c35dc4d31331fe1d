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
        (
            "b:1884 c  [::1]:99 [fe80::1] 192.0.2.1:1",
            [
                ServerReference(host: "b", port: 1884), ServerReference(host: "c"),
                ServerReference(host: "::1", port: 99),
                ServerReference(host: "fe80::1"), ServerReference(host: "192.0.2.1", port: 1),
            ]
        ),
        ("2001:db8::1", [ServerReference(host: "2001:db8::1")]),
        ("", []), (" ", []), (":1", []), ("b:", []), ("b:0", []), ("b:65536", []), ("b:-1", []), ("[::1", []),
        ("[]:1", []),
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
    func `fault 19: only hosts the policy names are followed to`(host: String, isAllowed: Bool) {
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

    @Test func `fault 19: servers that name one another are not followed for ever`() {
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
