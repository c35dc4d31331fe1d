// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Testing

/// What one round of attempts leaves behind for the next.
@Suite struct EndpointRoundTests {
    private static let gone = EngineFailure(.transportFailed, "nobody is there")
    private static let banned: EngineFailure = {
        var failure = EngineFailure(.connectRefused, "go away")
        failure.reason = .banned
        return failure
    }()

    private static func machine(following: ServerReferencePolicy = .ignore) -> ReconnectMachine {
        var policy = ReconnectPolicy()
        policy.serverReferences = following
        return ReconnectMachine(policy: policy, credentialsMayChange: false, endpointCount: 2, seed: 1)
    }

    /// What each of a row of failed attempts leads to: whether it goes on.
    private static func goesOn(_ machine: inout ReconnectMachine, _ failures: EngineFailure...) -> [Bool] {
        failures.map { machine.connectionEnded(because: $0, lasted: nil) != .stop }
    }

    @Test func `hope of one round is none for the next`() {
        var machine = Self.machine()
        #expect(Self.goesOn(&machine, Self.gone, Self.banned) == [true, true])
        #expect(Self.goesOn(&machine, Self.banned, Self.banned) == [true, false])
    }

    @Test func `a connect of the user's begins a round of its own, at the first endpoint`() {
        var machine = Self.machine()
        #expect(Self.goesOn(&machine, Self.gone) == [true])
        #expect(machine.endpoint == 1)
        machine.reset()
        #expect(machine.endpoint == 0)
        #expect(Self.goesOn(&machine, Self.banned, Self.banned) == [true, false])
    }

    @Test func `a connect of the user's may be sent to a server that was followed to before`() {
        var moved = EngineFailure(.connectRefused, "not here")
        moved.reason = .serverMoved
        moved.properties = [.serverReference("b")]
        var machine = Self.machine(following: .follow(to: ["b"], limit: 1))
        let follow = ReconnectMachine.Decision.follow(ServerReference(host: "b"), isForGood: true)
        #expect(machine.connectionEnded(because: moved, lasted: nil) == follow)
        #expect(machine.connectionEnded(because: moved, lasted: nil) != follow)
        machine.reset()
        #expect(machine.connectionEnded(because: moved, lasted: nil) == follow)
    }

    @Test(arguments: [EngineFailure.Kind.authenticationFailed, .closed, .unexpectedSession])
    func `what another endpoint cannot mend ends the client at the first`(kind: EngineFailure.Kind) {
        var machine = Self.machine()
        #expect(machine.connectionEnded(because: EngineFailure(kind, "no"), lasted: nil) == .stop)
        #expect(machine.endpoint == 0)
    }
}
