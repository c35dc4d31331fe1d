// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

/// What a client does after each reason a server can give.
@Suite struct ReasonDecisionTests {
    /// Every reason CONNACK can refuse with, and what follows from it by itself.
    static let refusals: [(ReasonCode, ReconnectDecision)] = [
        (.unspecifiedError, .backOff), (.malformedPacket, .stop), (.protocolError, .stop),
        (.implementationSpecificError, .backOff), (.unsupportedProtocolVersion, .stop),
        (.clientIdentifierNotValid, .stop), (.badUserNameOrPassword, .refreshCredentials),
        (.notAuthorized, .refreshCredentials), (.serverUnavailable, .backOff), (.serverBusy, .backOff),
        (.banned, .stop), (.badAuthenticationMethod, .stop), (.topicNameInvalid, .stop), (.packetTooLarge, .stop),
        (.quotaExceeded, .backOffLong), (.payloadFormatInvalid, .stop), (.retainNotSupported, .stop),
        (.qosNotSupported, .stop), (.useAnotherServer, .followServerReference), (.serverMoved, .followServerReference),
        (.connectionRateExceeded, .backOffLong),
    ]

    /// Every reason a server's DISCONNECT can give.
    static let disconnects: [(ReasonCode, ReconnectDecision)] = [
        (.normalDisconnection, .backOff), (.unspecifiedError, .backOff), (.malformedPacket, .backOff),
        (.protocolError, .backOff), (.implementationSpecificError, .backOff), (.notAuthorized, .refreshCredentials),
        (.serverBusy, .backOff), (.serverShuttingDown, .backOff), (.keepAliveTimeout, .retryNow),
        (.sessionTakenOver, .stop), (.topicFilterInvalid, .backOffLong), (.topicNameInvalid, .backOff),
        (.receiveMaximumExceeded, .backOff), (.topicAliasInvalid, .backOff), (.packetTooLarge, .backOff),
        (.messageRateTooHigh, .backOff), (.quotaExceeded, .backOffLong), (.administrativeAction, .backOff),
        (.payloadFormatInvalid, .backOff), (.retainNotSupported, .backOff), (.qosNotSupported, .backOff),
        (.useAnotherServer, .followServerReference), (.serverMoved, .followServerReference),
        (.sharedSubscriptionsNotSupported, .backOffLong), (.connectionRateExceeded, .backOffLong),
        (.maximumConnectTime, .retryNow), (.subscriptionIdentifiersNotSupported, .backOffLong),
        (.wildcardSubscriptionsNotSupported, .backOffLong),
    ]

    private static let policy = ReconnectPolicy(
        initialDelay: .seconds(1),
        maximumDelay: .seconds(1),
        longDelay: .seconds(100)
    )

    /// What a machine makes of a failure, as the decision it must have come to.
    private static func outcome(
        _ kind: EngineFailure.Kind,
        _ reason: ReasonCode,
        policy: ReconnectPolicy = Self.policy
    ) -> ReconnectDecision {
        var machine = ReconnectMachine(policy: policy, credentialsMayChange: false, seed: 7)
        switch machine.connectionEnded(because: EngineFailure(kind, reason: reason, "test"), lasted: nil) {
        case .stop: return .stop
        case .follow: return .followServerReference
        case .next: preconditionFailure("there is one endpoint")
        case .retry(_, .zero): return .retryNow
        case .retry(_, let wait): return wait >= .seconds(50) ? .backOffLong : .backOff
        }
    }

    @Test(arguments: Self.refusals)
    func `a refusal has the decision of the table`(reason: ReasonCode, decision: ReconnectDecision) {
        #expect(ReconnectDecision.afterRefusal(reason) == decision)
        let mustStop = decision == .refreshCredentials || decision == .followServerReference
        // No provider, no server reference: nothing to be done.
        #expect(Self.outcome(.connectRefused, reason) == (mustStop ? .stop : decision))
    }

    @Test(arguments: Self.disconnects)
    func `a DISCONNECT has the decision of the table`(reason: ReasonCode, decision: ReconnectDecision) {
        #expect(ReconnectDecision.afterDisconnect(reason) == decision)
        let mustStop = decision == .refreshCredentials || decision == .followServerReference
        #expect(Self.outcome(.disconnectedByServer, reason) == (mustStop ? .stop : decision))
    }

    @Test(arguments: [ReconnectDecision.retryNow, .backOff, .backOffLong, .stop])
    func `the policy has the last word on every code`(decision: ReconnectDecision) {
        for (reason, _) in Self.refusals {
            var policy = Self.policy
            policy.afterRefusal[reason] = decision
            #expect(Self.outcome(.connectRefused, reason, policy: policy) == decision)
        }
        for (reason, _) in Self.disconnects {
            var policy = Self.policy
            policy.afterDisconnect[reason] = decision
            #expect(Self.outcome(.disconnectedByServer, reason, policy: policy) == decision)
        }
    }

    @Test(arguments: [
        (ReasonCode.unsupportedProtocolVersion, false), (.clientIdentifierNotValid, false),
        (.serverUnavailable, true), (.badUserNameOrPassword, false), (.notAuthorized, false),
    ])
    func `the return codes of 3.1.1 decide as their reason codes do`(reason: ReasonCode, isRetried: Bool) {
        var harness = EngineHarness.connected(.v311)
        harness.linkLost()
        let effects = harness.redial(ConnAck(reason: reason))
        #expect((effects.retryWait != nil) == isRetried)
    }

    @Test func `to try again at once is done once, then the client backs off`() {
        var machine = ReconnectMachine(policy: Self.policy, credentialsMayChange: false, seed: 7)
        let failure = EngineFailure(.disconnectedByServer, reason: .maximumConnectTime, "test")
        #expect(machine.connectionEnded(because: failure, lasted: .seconds(60)) == .retry(attempt: 1, after: .zero))
        guard case .retry(2, let wait) = machine.connectionEnded(because: failure, lasted: .seconds(1)) else {
            Issue.record("no retry")
            return
        }
        #expect(wait > .zero)
        #expect(machine.connectionEnded(because: failure, lasted: .seconds(60)) == .retry(attempt: 1, after: .zero))
    }

    @Test func `refused credentials are asked for again five times, and anew after a connection`() {
        var machine = ReconnectMachine(policy: Self.policy, credentialsMayChange: true, seed: 7)
        let failure = EngineFailure(.connectRefused, reason: .notAuthorized, "test")
        for _ in 0..<5 { #expect(machine.connectionEnded(because: failure, lasted: nil) != .stop) }
        #expect(machine.connectionEnded(because: failure, lasted: nil) == .stop)
        #expect(machine.connectionEnded(because: .lost, lasted: .seconds(1)) != .stop)
        #expect(machine.connectionEnded(because: failure, lasted: nil) != .stop)
    }

    @Test func `when it stops every waiting call ends with the terminal error`() {
        var harness = EngineHarness.connected()
        harness.publish(message("a", .atLeastOnce), 1)
        harness.subscribe(.to(["b"]), 2)
        harness.receive(subAck(2, .grantedQoS2))
        harness.subscribe(.to(["c"], id: 2), 3)
        let effects = harness.receive(.disconnect(Disconnect(reason: .sessionTakenOver)))
        #expect(effects.failure(of: 1)?.kind == .outcomeUnknown)
        #expect(effects.failure(of: 3)?.reason == .sessionTakenOver)
        for id in [1, 2] as [UInt32] {
            #expect(effects.contains { if case .endSubscription(SubscriptionID(id), _) = $0 { true } else { false } })
        }
        #expect(!harness.engine.isActive)
    }
}
