// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// One exchange of enhanced authentication, of CONNECT or again on a connection that stands (MQTT 5.0, 4.12).
///
/// What is said in it comes from the user's code, a step at a time. Steps are numbered, so that the late result of a step
/// whose connection is gone is known as such.
package struct Authentication: Sendable {
    enum Turn: Equatable {
        /// The user's code is at the step. Next: theirs.
        case ours(StepNumber)
        /// Our CONNECT or AUTH is out. Next: ours, checking.
        case theirs
        /// The server is content, and the user's code looks at its proof. There is nothing behind it.
        case checking(StepNumber)
    }

    /// Whether the exchange belongs to CONNECT, and decides about the connection.
    let isFirst: Bool
    var turn: Turn
    /// What the server said in CONNACK, which counts once its proof is found good.
    var connected: Connected?
    /// Who waits for the end of a re-authentication.
    var calls: [OperationID] = []
    /// When a re-authentication has taken too long; that of CONNECT has the time of the handshake.
    var deadline: Instant?
    private var rounds = 0

    /// How often the server may ask for more, so that an exchange has an end.
    package static let roundLimit = 32

    init(isFirst: Bool, turn: Turn) {
        self.isFirst = isFirst
        self.turn = turn
    }

    /// The server asks for more; false when it did so too often.
    mutating func nextRound() -> Bool {
        self.rounds += 1
        return self.rounds <= Self.roundLimit
    }
}

/// What the user's code has to do for an exchange of enhanced authentication.
package enum AuthenticationStep: Equatable, Sendable {
    /// Begin a new exchange, on a connection that stands; answer with `authenticationAnswered`.
    case begin
    /// The server asks for more; answer with `authenticationAnswered`.
    case answer(Properties)
    /// The server is content: check its proof; answer with `authenticationFinished`.
    case finish(Properties)
}

/// Which step of all the client's exchanges.
package struct StepNumber: Hashable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}
