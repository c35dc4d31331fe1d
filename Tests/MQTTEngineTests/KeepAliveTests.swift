// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

@Suite struct KeepAliveTests {
    /// A keep-alive of 30 s pings a second early.
    private static func connected(_ version: ProtocolVersion = .v5, seconds: UInt16 = 30) -> EngineHarness {
        EngineHarness.connected(version) { configuration in
            configuration.keepAlive = seconds
            configuration.pingTimeout = .seconds(10)
        }
    }

    @Test(
        .receives("3.1.1:MQTT-3.12.4-1"),
        .sends("5:MQTT-3.1.2-20", "3.1.1:MQTT-3.1.2-23"),
        .receives("U5-3.1.2.10-1", "5:MQTT-3.12.4-1"),
        arguments: ProtocolVersion.allCases
    )
    func `fault 2: a silent interval sends one ping, then declares the peer lost`(version: ProtocolVersion) {
        var harness = Self.connected(version)
        #expect(harness.pass(.seconds(28)) == [])
        #expect(harness.pass(.seconds(1)) == [.send(.pingRequest)])
        #expect(harness.engine.isAwaitingReply)
        #expect(harness.pass(.milliseconds(9_999)) == [])
        let effects = harness.pass(.milliseconds(1))
        #expect(effects.first == .close)
        #expect(effects.sent == [])
        #expect(effects.disconnected?.kind == .connectionLost)
    }

    @Test func `a pong starts the interval again`() {
        var harness = Self.connected()
        harness.pass(.seconds(29))
        harness.pass(.seconds(2))
        #expect(harness.receive(.pingResponse) == [])
        // The ping itself was the last that was sent.
        #expect(harness.engine.nextDeadline == harness.now.advanced(by: .seconds(27)))
        #expect(harness.pass(.seconds(27)) == [.send(.pingRequest)])
    }

    @Test func `sending alone does not put the ping off, for the peer may be gone`() {
        var harness = Self.connected()
        harness.pass(.seconds(20))
        harness.engine.flushed(now: harness.now)
        #expect(harness.pass(.seconds(9)) == [.send(.pingRequest)])
    }

    @Test(.sends("5:MQTT-3.1.2-20"))
    func `receiving alone does not put the ping off, for the server waits to hear from us`() {
        var harness = Self.connected()
        harness.pass(.seconds(20))
        harness.engine.bytesReceived(now: harness.now)
        #expect(harness.pass(.seconds(9)) == [.send(.pingRequest)])
    }

    @Test func `traffic in both directions puts the ping off`() {
        var harness = Self.connected()
        harness.pass(.seconds(20))
        harness.engine.flushed(now: harness.now)
        harness.engine.bytesReceived(now: harness.now)
        #expect(harness.pass(.seconds(28)) == [])
        #expect(harness.pass(.seconds(1)) == [.send(.pingRequest)])
    }

    @Test func `a keep-alive of 0 never pings`() {
        let harness = Self.connected(seconds: 0)
        #expect(harness.engine.nextDeadline == nil)
    }

    @Test(
        .sends("5:MQTT-3.1.2-21", "5:MQTT-3.2.2-21"),
        .receives("U5-3.2.2.3.14-1"),
        arguments: [UInt16(1), 4, 65_535]
    )
    func `fault 18: the server's keep-alive replaces ours`(seconds: UInt16) throws {
        var harness = EngineHarness.connected(connAck: ConnAck(properties: [.serverKeepAlive(seconds)]))
        let due = try #require(harness.engine.nextDeadline)
        #expect(due <= harness.now.advanced(by: .seconds(Int64(seconds))))
        #expect(due > harness.now.advanced(by: .seconds(Int64(seconds) / 2)))
        harness.now = due
        #expect(harness.deadlineReached() == [.send(.pingRequest)])
    }

    @Test(.sends("5:MQTT-3.1.2-21", "5:MQTT-3.2.2-21"), .receives("U5-3.2.2.3.14-1"))
    func `fault 18: a server keep-alive of 0 switches ours off`() {
        let harness = EngineHarness.connected(connAck: ConnAck(properties: [.serverKeepAlive(0)]))
        #expect(harness.engine.nextDeadline == nil)
    }

    @Test func `bytes that arrive put the pong's deadline off`() {
        var harness = Self.connected()
        harness.pass(.seconds(29))
        harness.pass(.seconds(8))
        harness.engine.bytesReceived(now: harness.now)
        #expect(harness.pass(.seconds(9)) == [])
        #expect(harness.pass(.seconds(1)).disconnected?.kind == .connectionLost)
    }

    @Test(.sends("5:MQTT-3.1.2-20")) func `while a pong is late and much arrives, the server still hears from us`() {
        var harness = Self.connected()
        harness.pass(.seconds(29))
        for _ in 0..<5 {
            harness.pass(.seconds(5))
            harness.engine.bytesReceived(now: harness.now)
        }
        #expect(harness.pass(.seconds(4)) == [.send(.pingRequest)])
    }

    @Test func `the user's pings are answered in order with their round trips`() {
        var harness = Self.connected()
        #expect(harness.ping(1) == [.send(.pingRequest)])
        harness.pass(.seconds(1))
        #expect(harness.ping(2) == [.send(.pingRequest)])
        harness.pass(.seconds(2))
        #expect(harness.receive(.pingResponse) == [.complete(OperationID(1), .pong(.seconds(3)))])
        #expect(harness.receive(.pingResponse) == [.complete(OperationID(2), .pong(.seconds(2)))])
    }

    @Test func `a pong nobody waits for is ignored`() {
        var harness = Self.connected()
        #expect(harness.receive(.pingResponse) == [])
    }

    @Test func `the user's ping is watched with a keep-alive of 0, too`() {
        var harness = Self.connected(seconds: 0)
        harness.ping(1)
        #expect(harness.pass(.seconds(10)).failure(of: 1)?.kind == .connectionLost)
    }

    @Test func `pings end with the connection`() {
        var harness = Self.connected()
        harness.ping(1)
        harness.ping(2)
        let effects = harness.linkLost()
        #expect(effects.failure(of: 1)?.kind == .connectionLost)
        #expect(effects.failure(of: 2)?.kind == .connectionLost)
        #expect(harness.ping(3).failure(of: 3)?.kind == .notConnected)
    }

    @Test func `fault 24: after a sleep longer than everything, a ping gets its full time first`() {
        var harness = Self.connected()
        #expect(harness.pass(.seconds(86_400)) == [.send(.pingRequest)])
        #expect(harness.pass(.seconds(9)) == [])
    }

    @Test(.sends("U5-3.1.2.10-2"))
    func `without a keep-alive nothing is sent by itself, and the user may still ask for a sign of life`() {
        var harness = Self.connected(seconds: 0)
        #expect(harness.engine.nextDeadline == nil)
        #expect(harness.pass(.seconds(1_000_000)).isEmpty)
        #expect(harness.ping(1).sent == [.send(.pingRequest)])
        harness.now = harness.now.advanced(by: .milliseconds(20))
        #expect(harness.receive(.pingResponse) == [.complete(OperationID(1), .pong(.milliseconds(20)))])
        harness.ping(2)
        #expect(harness.pass(.seconds(10)).failure(of: 2)?.kind == .connectionLost)
    }

    @Test func `fault 24: a clock that goes back changes nothing`() {
        var harness = Self.connected()
        harness.engine.flushed(now: harness.now.advanced(by: .seconds(-100)))
        harness.engine.bytesReceived(now: harness.now.advanced(by: .seconds(-100)))
        #expect(harness.engine.nextDeadline == harness.now.advanced(by: .seconds(29)))
    }
}
