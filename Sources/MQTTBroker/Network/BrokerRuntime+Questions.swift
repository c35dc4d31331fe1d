// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import MQTTWire
internal import NIOCore

extension BrokerRuntime {
    /// Has the user's code answer a question, in a task of its own.
    func ask(_ id: QuestionID, _ question: BrokerQuestion) {
        switch question {
        case .authenticate(let connection, let connect):
            guard let authenticate = self.configuration.authenticate else { return self.answer(id, .decided(.success)) }
            let peer = self.connections[connection]
            let attempt = ConnectionAttempt(
                connect,
                version: peer?.version ?? .v5,
                remoteAddress: peer?.remoteAddress
            )
            self.run(id) { .decided(await authenticate(attempt)) }
        case .authorize(_, let access):
            guard let authorize = self.configuration.authorize else { return self.answer(id, .decided(.success)) }
            self.run(id) { .decided(await authorize(access)) }
        case .exchange(let connection, let method, let data, let isReauthentication):
            let running = self.exchanges.removeValue(forKey: connection)
            let begin = self.configuration.authenticator?.begin
            guard let started = running ?? begin?(method, isReauthentication) else {
                return self.answer(id, .decided(.badAuthenticationMethod))
            }
            let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
            let gate = self.gate
            self.run(id) {
                var exchange = started
                switch await exchange.received(data) {
                case .proceed(let data):
                    let next = exchange
                    gate.execute { bound.value.goOn(next, on: connection) }
                    return .proceed(data)
                case .succeed(let data): return .done(data)
                case .refuse(let reason): return .decided(reason)
                }
            }
        }
    }

    private func goOn(_ exchange: any BrokerAuthenticationExchange, on connection: ConnectionID) {
        guard self.connections[connection] != nil else { return }
        self.exchanges[connection] = exchange
    }

    private func run(_ id: QuestionID, _ body: @escaping @Sendable () async -> BrokerAnswer) {
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let gate = self.gate
        self.questions[id] = Task {
            let answer = await body()
            gate.execute { bound.value.answer(id, answer) }
        }
    }

    private func answer(_ id: QuestionID, _ answer: BrokerAnswer) {
        self.questions[id] = nil
        self.enter { self.feed { $0.answered(id, with: answer, now: $1) } }
    }
}
