// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

@Suite struct ReconnectTests {
    private static let policy = ReconnectPolicy(
        initialDelay: .seconds(1),
        maximumDelay: .seconds(10),
        factor: 2,
        stablePeriod: .seconds(30)
    )

    private static func waits(seed: UInt64, count: Int, policy: ReconnectPolicy = Self.policy) -> [Duration] {
        var machine = ReconnectMachine(policy: policy, credentialsMayChange: false, seed: seed)
        return (0..<count).compactMap { _ in
            guard case .retry(_, let wait) = machine.connectionEnded(because: .lost, lasted: nil) else { return nil }
            return wait
        }
    }

    @Test func `waits lie between nothing and a bound that doubles up to the maximum`() {
        let bounds = [1, 2, 4, 8, 10, 10, 10].map { Duration.seconds($0) }
        var longest = bounds.map { _ in Duration.zero }
        var shortest = bounds
        for seed in 0..<2_000 as Range<UInt64> {
            for (index, wait) in Self.waits(seed: seed, count: bounds.count).enumerated() {
                #expect(wait >= .zero && wait <= bounds[index])
                longest[index] = max(longest[index], wait)
                shortest[index] = min(shortest[index], wait)
            }
        }
        for (index, bound) in bounds.enumerated() {
            #expect(longest[index] > bound * 0.99)
            #expect(shortest[index] < bound * 0.01)
        }
    }

    @Test func `the waits follow from the seed`() {
        #expect(Self.waits(seed: 5, count: 20) == Self.waits(seed: 5, count: 20))
        #expect(Self.waits(seed: 5, count: 20) != Self.waits(seed: 6, count: 20))
    }

    @Test(arguments: [-1, 0, 0.5, 1, .nan, .infinity, -Double.infinity, Double.greatestFiniteMagnitude])
    func `no factor makes the waits smaller than the first bound allows, or traps`(factor: Double) {
        let policy = ReconnectPolicy(initialDelay: .seconds(1), maximumDelay: .seconds(5), factor: factor)
        for wait in Self.waits(seed: 3, count: 200, policy: policy) { #expect(wait >= .zero && wait <= .seconds(5)) }
    }

    @Test func `a connection that lasted starts the waits again, and one that did not does not`() {
        var machine = ReconnectMachine(policy: Self.policy, credentialsMayChange: false, seed: 1)
        func attempt(_ lasted: Duration?) -> Int? {
            guard case .retry(let attempt, _) = machine.connectionEnded(because: .lost, lasted: lasted) else {
                return nil
            }
            return attempt
        }
        #expect(attempt(nil) == 1)
        #expect(attempt(nil) == 2)
        #expect(attempt(.milliseconds(29_999)) == 3)
        #expect(attempt(.seconds(30)) == 1)
        #expect(attempt(nil) == 2)
    }

    @Test(arguments: [0, 1, 3])
    func `the client gives up after the maximum of attempts`(maximum: Int) {
        var harness = EngineHarness.connected { $0.reconnect.maximumAttempts = maximum }
        harness.pass(.seconds(20))
        var attempts = 0
        var effects = harness.linkLost()
        while harness.engine.isActive, attempts < 10 {
            harness.pass(.seconds(60))
            attempts += 1
            effects = harness.linkFailed()
        }
        #expect(attempts == maximum)
        #expect(effects.last == .report(.gaveUp(maximum == 0 ? .lost : .transport)))
    }

    @Test func `the first attempt fails fast`() {
        var harness = EngineHarness()
        harness.startConnecting(operation: 1)
        let effects = harness.linkFailed()
        #expect(effects == [.report(.disconnected(.transport)), .complete(OperationID(1), .failed(.transport))])
        #expect(harness.engine.nextDeadline == nil)
        #expect(harness.startConnecting(operation: 2) == [.dial])
    }

    @Test func `the first attempt is retried when told so`() {
        var harness = EngineHarness { $0.retriesFirstAttempt = true }
        harness.startConnecting(operation: 1)
        let wait = harness.linkFailed().retryWait
        #expect(wait != nil)
        #expect(harness.pass(.seconds(1)) == [.dial])
        harness.linkUp()
        #expect(harness.receive(.connAck(ConnAck())).completions.count == 1)
    }

    @Test func `a lost connection is dialled again when the wait is over`() throws {
        var harness = EngineHarness.connected()
        let wait = try #require(harness.linkLost().retryWait)
        #expect(harness.engine.nextDeadline == harness.now.advanced(by: wait))
        #expect(harness.pass(wait) == [.dial])
        #expect(harness.deadlineReached() == [])
    }

    @Test(
        .receives("5:MQTT-3.1.2-1", "5:MQTT-3.1.2-2"),
        arguments: [
            ReasonCode.unsupportedProtocolVersion, .clientIdentifierNotValid, .badUserNameOrPassword, .notAuthorized,
            .banned,
            .badAuthenticationMethod, .useAnotherServer, .serverMoved,
        ]
    )
    func `a refusal that will not pass ends the retries`(reason: ReasonCode) {
        var harness = EngineHarness.connected()
        harness.linkLost()
        let effects = harness.redial(ConnAck(reason: reason))
        #expect(effects.retryWait == nil)
        #expect(!harness.engine.isActive)
    }

    @Test(arguments: [
        ReasonCode.serverUnavailable, .serverBusy, .quotaExceeded, .connectionRateExceeded, .unspecifiedError,
    ])
    func `a refusal that may pass is retried`(reason: ReasonCode) {
        var harness = EngineHarness.connected()
        harness.linkLost()
        #expect(harness.redial(ConnAck(reason: reason)).retryWait != nil)
    }

    @Test(
        .receives("5:MQTT-3.1.4-3", "5:MQTT-3.14.4-2", "5:MQTT-4.13.2-1"),
        arguments: [ReasonCode.sessionTakenOver, .useAnotherServer, .serverMoved, .banned]
    )
    func `fault 20: the server's last word may end the retries`(reason: ReasonCode) {
        var harness = EngineHarness.connected()
        let effects = harness.receive(.disconnect(Disconnect(reason: reason)))
        #expect(effects.first == .close)
        #expect(effects.sent == [])
        #expect(effects.disconnected?.kind == .disconnectedByServer)
        #expect(effects.disconnected?.reason == reason)
        #expect(!harness.engine.isActive)
    }

    @Test(
        .receives("U5-3.14.2.1-1?", "5:MQTT-3.14.4-2"),
        arguments: [ReasonCode.normalDisconnection, .serverShuttingDown, .keepAliveTimeout, .serverBusy]
    )
    func `after other last words the client comes back`(reason: ReasonCode) {
        var harness = EngineHarness.connected()
        #expect(harness.receive(.disconnect(Disconnect(reason: reason))).retryWait != nil)
    }

    @Test(arguments: [ProtocolVersion.v31, .v311])
    func `before 5.0 a server sends no DISCONNECT`(version: ProtocolVersion) {
        var harness = EngineHarness.connected(version)
        let effects = harness.receive(.disconnect(Disconnect()))
        #expect(effects.disconnected?.kind == .protocolViolation)
        #expect(effects.sent == [])
    }

    @Test func `refused credentials are tried again a few times when they may change`() {
        var harness = EngineHarness.connected { $0.credentialsMayChange = true }
        harness.linkLost()
        var attempts = 0
        while harness.engine.isActive, attempts < 100 {
            harness.redial(ConnAck(reason: .notAuthorized))
            attempts += 1
        }
        #expect(attempts == 6)
    }

    @Test func `a policy that never reconnects ends at the first loss`() {
        var harness = EngineHarness.connected { $0.reconnect = .never }
        #expect(harness.linkLost() == [.close, .report(.disconnected(.lost)), .report(.gaveUp(.lost))])
    }

    // MARK: - Nothing behind a close

    @Test(.receives("5:MQTT-3.14.4-1")) func `fault 37: packets behind the end of the connection are ignored`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a"]), nil)
        harness.publish(message("m", .exactlyOnce), 1)
        harness.receive(.connAck(ConnAck()))
        for packet in [pubRec(2), subAck(1, .success), pubRel(4), .pingResponse, .disconnect(Disconnect())] {
            #expect(harness.receive(packet) == [])
        }
        #expect(harness.receivePublish(.message("a", .exactlyOnce, 5)).arrival == .nothing)
        #expect(harness.receivePublish(.message("a", .exactlyOnce, 5)).effects == [])
    }

    @Test(.sends("5:MQTT-4.13.2-1"), .receives("U5-3.1.2.11.4-2"))
    func `bytes that make no packet end the connection once`() {
        var harness = EngineHarness.connected()
        let effects = harness.malformed(.packetTooLarge)
        #expect(effects.prefix(2) == [.send(.disconnect(Disconnect(reason: .packetTooLarge))), .close])
        #expect(effects.retryWait != nil)
        let due = harness.engine.nextDeadline
        #expect(harness.malformed() == [])
        #expect(harness.linkLost() == [])
        #expect(harness.engine.nextDeadline == due)
    }

    @Test(.sends("5:MQTT-3.14.4-1", "3.1.1:MQTT-3.14.4-2"), arguments: ProtocolVersion.allCases)
    func `nothing is sent behind a close`(version: ProtocolVersion) {
        let ends: [(inout EngineHarness) -> [Effect]] = [
            { $0.disconnect() }, { $0.malformed() }, { $0.receive(.connAck(ConnAck())) }, { $0.linkLost() },
            { $0.receive(subAck(77, .success)) }, { $0.persistFailed(100) },
            { $0.receive(.disconnect(Disconnect(reason: .serverShuttingDown))) },
        ]
        for isDurable in [false, true] {
            for end in ends {
                var harness = EngineHarness.connected(version) { $0.isDurable = isDurable }
                harness.subscribe(.to(["a"], id: 1), 1)
                harness.receive(subAck(1, .grantedQoS2))
                harness.subscribe(.to(["b"], id: 2), 2)
                harness.unsubscribe(1, 3)
                for number in 10...13 as ClosedRange<UInt64> { harness.publish(message("m", .exactlyOnce), number) }
                harness.ping(4)
                harness.acknowledge(harness.arrive("b", .exactlyOnce, id: 1))
                let effects = end(&harness)
                guard let close = effects.firstIndex(of: .close) else {
                    #expect(!isDurable && effects == [], "the connection did not end")
                    continue
                }
                #expect(Array(effects[close...]).sent == [])
                #expect(effects.filter { $0 == .close }.count == 1)
            }
        }
    }
}
