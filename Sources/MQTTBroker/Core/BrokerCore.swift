// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

/// The broker without sockets, clocks and threads: packets, time and answers go in, effects come out.
///
/// One event loop owns it. It holds all sessions, subscriptions, retained messages and wills.
struct BrokerCore {
    let limits: BrokerLimits
    /// What the user's code is asked; without it everybody may do everything.
    let questions: Questions

    struct Questions: OptionSet, Sendable {
        let rawValue: Int
        static let authenticate = Questions(rawValue: 1)
        static let authorize = Questions(rawValue: 2)
        static let exchange = Questions(rawValue: 4)
    }

    /// - Parameter seed: What assigned client identifiers are made of.
    init(limits: BrokerLimits = BrokerLimits(), questions: Questions = [], seed: UInt64 = 0) {
        self.limits = limits
        self.questions = questions
    }

    /// When ``timeReached(now:)`` is due.
    private(set) var nextDeadline: NIODeadline?

    /// A listener accepted a connection.
    mutating func opened(_ connection: ConnectionID, now: NIODeadline) {}

    /// A packet came; the decoder has left topic aliases as they were.
    mutating func received(_ packet: Packet, from connection: ConnectionID, version: ProtocolVersion, now: NIODeadline) {}

    /// What came was no packet.
    mutating func received(_ error: DecodingError, from connection: ConnectionID, now: NIODeadline) {}

    /// The user's code has answered.
    mutating func answered(_ question: QuestionID, with answer: BrokerAnswer, now: NIODeadline) {}

    /// The socket takes more, or no more for now.
    mutating func writabilityChanged(of connection: ConnectionID, to isWritable: Bool, now: NIODeadline) {}

    /// The connection is gone.
    mutating func closed(_ connection: ConnectionID, now: NIODeadline) {}

    /// Time passed.
    mutating func timeReached(now: NIODeadline) {}

    /// The broker stops: every client is told (5.0) and closed; sessions and retained messages stay, unless they are to go.
    mutating func stop(forgettingSessions: Bool, now: NIODeadline) {}

    /// Publishes a message of the program's own.
    mutating func publish(_ message: Publish, now: NIODeadline) {}

    /// What is to be done since the last call, in order.
    mutating func takeEffects() -> [BrokerEffect] { [] }
}
