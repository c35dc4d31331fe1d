// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTWire
import NIOCore
import Synchronization

/// An authenticator with a simple method: it answers "re:" and the challenge, and wants the proof "proof".
final class TestAuthenticator: Authenticator {
    /// What it is asked for, in the order of an exchange.
    enum Step: String, CaseIterable, Sendable { case make, begin, answer, finish }

    struct Failure: Error, Equatable { var step: Step }

    struct WrongProof: Error {}

    let method = "TEST"
    private struct State {
        var failing: Step?
        var blocking: Step?
        var log: [String] = []
        var cancellations = 0
        var exchanges = 0
    }

    private let state = Mutex(State())
    private let gate = TestGate()
    /// Opens when it stands at the step that blocks.
    let blocked = TestGate()

    init(failing: Step? = nil, blocking: Step? = nil) {
        self.state.withLock { state in
            state.failing = failing
            state.blocking = blocking
        }
    }

    /// What was done, step by step, with other notes between.
    var log: [String] { self.state.withLock { $0.log } }

    /// How many steps found themselves cancelled.
    var cancellations: Int { self.state.withLock { $0.cancellations } }

    func note(_ text: String) { self.state.withLock { $0.log.append(text) } }

    func block(_ step: Step?) { self.state.withLock { $0.blocking = step } }

    func fail(_ step: Step?) { self.state.withLock { $0.failing = step } }

    func release() { self.gate.open() }

    func makeExchange() async throws -> any AuthenticationExchange {
        try await self.pass(.make)
        let number = self.state.withLock { state in
            state.exchanges += 1
            return state.exchanges
        }
        return Exchange(authenticator: self, number: number)
    }

    private func pass(_ step: Step) async throws {
        let (fails, blocks) = self.state.withLock { state in
            state.log.append(step.rawValue)
            return (state.failing == step, state.blocking == step)
        }
        if blocks {
            self.blocked.open()
            await self.gate.wait()
            if Task.isCancelled {
                self.state.withLock { $0.cancellations += 1 }
                throw CancellationError()
            }
        }
        if fails { throw Failure(step: step) }
    }

    private struct Exchange: AuthenticationExchange {
        let authenticator: TestAuthenticator
        let number: Int
        var rounds = 0

        mutating func begin() async throws -> AuthenticationMessage {
            try await self.authenticator.pass(.begin)
            return AuthenticationMessage(data: ByteBuffer(string: "hello \(self.number)"))
        }

        mutating func answer(_ challenge: AuthenticationMessage) async throws -> AuthenticationMessage {
            try await self.authenticator.pass(.answer)
            self.rounds += 1
            let text = challenge.data.map { String(buffer: $0) } ?? "nothing"
            return AuthenticationMessage(data: ByteBuffer(string: "re:\(text):\(self.rounds)"))
        }

        mutating func finish(_ message: AuthenticationMessage) async throws {
            try await self.authenticator.pass(.finish)
            guard message.data == ByteBuffer(string: "proof") else { throw WrongProof() }
            self.authenticator.note("finished")
        }
    }
}

/// Something one task waits for and another makes happen, once; waiting ends when the task is cancelled.
struct TestGate: Sendable {
    private let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (self.stream, self.continuation) = AsyncStream.makeStream() }

    func open() { self.continuation.finish() }

    func wait() async { for await _ in self.stream {} }
}

extension Packet {
    /// An AUTH of the method TEST.
    static func auth(_ data: String?, _ reason: ReasonCode = .continueAuthentication) -> Packet {
        .auth(Auth(reason: reason, properties: .test(data)))
    }

    /// A CONNACK that ends an exchange of the method TEST.
    static func proof(_ data: String? = "proof") -> Packet { .connAck(ConnAck(properties: .test(data))) }
}

extension Properties {
    /// The method TEST and data.
    static func test(_ data: String?) -> Properties {
        var properties: Properties = [.authenticationMethod("TEST")]
        if let data { properties.append(.authenticationData(ByteBuffer(string: data))) }
        return properties
    }
}
