// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Testing

/// Several endpoints: which one is tried when, and how long the client waits between them.
@Suite struct EndpointOrderTests {
    private static func harness(
        _ count: Int,
        _ order: EndpointOrder = .inOrder,
        seed: UInt64 = 1,
        configure: (inout EngineConfiguration) -> Void = { _ in }
    ) -> EngineHarness {
        EngineHarness(seed: seed) { configuration in
            configuration.endpointCount = count
            configuration.endpointOrder = order
            configure(&configuration)
        }
    }

    /// A client that is connected to the first endpoint that takes it, at once the first.
    private static func connected(_ count: Int, _ order: EndpointOrder = .inOrder) -> EngineHarness {
        var harness = self.harness(count, order)
        harness.connect()
        return harness
    }

    /// Lets attempts fail and says which endpoints were tried at once, one after the other.
    private static func round(_ harness: inout EngineHarness) -> [Int] {
        var tried = [harness.engine.endpoint]
        while harness.linkFailed().contains(.dial), tried.count < 20 { tried.append(harness.engine.endpoint) }
        return tried
    }

    @Test func `the first attempt goes through all endpoints at once, then fails`() {
        var harness = Self.harness(3)
        harness.startConnecting(operation: 1)
        #expect(harness.engine.endpoint == 0)
        #expect(harness.linkFailed().last == .dial)
        #expect(harness.engine.endpoint == 1)
        #expect(harness.linkFailed().last == .dial)
        #expect(harness.engine.endpoint == 2)
        let effects = harness.linkFailed()
        #expect(effects.failure(of: 1) == .transport)
        #expect(!harness.engine.isActive)
        harness.startConnecting(operation: 2)
        #expect(harness.engine.endpoint == 0)
    }

    @Test func `a policy without reconnecting still tries each endpoint of the list`() {
        var harness = Self.harness(2) { $0.reconnect = .never }
        harness.startConnecting()
        #expect(harness.linkFailed().last == .dial)
        harness.linkUp()
        #expect(harness.receive(.connAck(ConnAck())).completions.count == 1)
        #expect(harness.linkLost().retryWait == nil)
        #expect(!harness.engine.isActive)
    }

    @Test(arguments: [
        (EndpointOrder.inOrder, [[1, 2, 0], [1, 2, 0]]), (.roundRobin, [[1, 2, 0], [1, 2, 0]]),
    ])
    func `after a loss the others come first, at once after one wait`(order: EndpointOrder, rounds: [[Int]]) throws {
        var harness = Self.connected(3, order)
        for expected in rounds {
            let wait = try #require(harness.isWaiting ? harness.wait : harness.linkLost().retryWait)
            #expect(wait <= .seconds(2))
            #expect(harness.pass(wait) == [.dial])
            #expect(Self.round(&harness) == expected)
        }
    }

    @Test func `in order goes back to the best, round robin goes on`() {
        for (order, expected) in [(EndpointOrder.inOrder, [0, 2, 1]), (.roundRobin, [2, 0, 1])] {
            var harness = Self.connected(3, order)
            harness.pass(harness.linkLost().retryWait ?? .zero)
            harness.linkUp()
            #expect(harness.receive(.connAck(ConnAck())).count > 0)
            #expect(harness.engine.connection?.connected.endpoint == 1)
            harness.pass(harness.linkLost().retryWait ?? .zero)
            #expect(Self.round(&harness) == expected)
        }
    }

    @Test func `at random every endpoint has its turn, the lost one last, and all orders come`() {
        var orders: Set<[Int]> = []
        var firsts: Set<Int> = []
        for seed in 0..<200 as Range<UInt64> {
            var harness = Self.harness(3, .random, seed: seed)
            harness.connect()
            let first = harness.engine.endpoint
            firsts.insert(first)
            harness.pass(harness.linkLost().retryWait ?? .zero)
            let round = Self.round(&harness)
            #expect(round.sorted() == [0, 1, 2])
            #expect(round.last == first)
            orders.insert(round)
        }
        #expect(firsts == [0, 1, 2])
        #expect(orders.count == 6)
    }

    @Test func `the waits grow by rounds, and attempts are counted one by one`() {
        var harness = Self.connected(2)
        var attempts: [Int] = []
        func note(_ effects: [Effect]) {
            for case .report(.reconnecting(let attempt, _)) in effects { attempts.append(attempt) }
        }
        note(harness.linkLost())
        for _ in 0..<3 {
            harness.pass(.seconds(60))
            note(harness.linkFailed())
            note(harness.linkFailed())
        }
        #expect(attempts == Array(1...7))
    }

    @Test func `the maximum of attempts counts rounds`() {
        var harness = Self.harness(2) { $0.reconnect.maximumAttempts = 2 }
        harness.connect()
        harness.pass(.seconds(20))
        harness.linkLost()
        var rounds = 0
        while harness.engine.isActive, rounds < 10 {
            harness.pass(.seconds(60))
            #expect(Self.round(&harness).count == 2)
            rounds += 1
        }
        #expect(rounds == 2)
    }

    @Test(arguments: [ReasonCode.badUserNameOrPassword, .banned, .serverUnavailable, .useAnotherServer])
    func `when one refuses the next is tried, whatever the reason`(reason: ReasonCode) {
        var harness = Self.harness(2)
        harness.startConnecting(operation: 1)
        harness.linkUp()
        let effects = harness.receive(.connAck(ConnAck(reason: reason)))
        #expect(effects.last == .dial)
        #expect(harness.engine.endpoint == 1)
        harness.linkUp()
        #expect(harness.receive(.connAck(ConnAck())).completions.count == 1)
        #expect(harness.engine.connection?.connected.endpoint == 1)
    }

    @Test func `a refusal ends the client when no endpoint of the round is worth another attempt`() {
        var harness = Self.connected(2)
        harness.linkLost()
        #expect(harness.redial(ConnAck(reason: .banned)).last == .dial)
        harness.linkUp()
        #expect(harness.receive(.connAck(ConnAck(reason: .banned))).retryWait == nil)
        #expect(!harness.engine.isActive)

        harness = Self.connected(2)
        harness.pass(harness.linkLost().retryWait ?? .zero)
        // The other one is only away.
        #expect(harness.linkFailed().last == .dial)
        harness.linkUp()
        #expect(harness.receive(.connAck(ConnAck(reason: .banned))).retryWait != nil)
    }

    @Test func `a take-over is not fought at another endpoint`() {
        var harness = Self.connected(2)
        harness.receive(.disconnect(Disconnect(reason: .sessionTakenOver)))
        #expect(!harness.engine.isActive)
    }

    @Test func `a server named for good is left for the list when it fails`() {
        var harness = Self.harness(2) { $0.reconnect.serverReferences = .follow(to: ["b"]) }
        let moved = ConnAck(reason: .serverMoved, properties: [.serverReference("b")])
        harness.connect(moved, operation: 1)
        #expect(harness.engine.server == ServerReference(host: "b"))
        #expect(harness.linkFailed().last == .dial)
        #expect(harness.engine.server == nil)
        #expect(harness.engine.endpoint == 1)
    }
}

extension EngineHarness {
    fileprivate var isWaiting: Bool {
        self.engine.isActive && self.engine.nextDeadline != nil && !self.engine.isConnected
    }

    fileprivate var wait: Duration? { self.engine.nextDeadline.map { $0.since(self.now) } }
}
