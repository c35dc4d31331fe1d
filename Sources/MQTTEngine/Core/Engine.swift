// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

/// The rules of an MQTT client, without any I/O: values in, effects out.
///
/// There are five kinds of input: a packet, a request of the user, time, a confirmation of the store, and the link
/// going up or down. Time and chance are arguments. The engine outlives connections: ``SessionState`` stays,
/// ``ConnectionState`` goes.
package struct Engine: Sendable {
    enum Phase {
        /// Nothing is wanted. Next: dialing.
        case idle
        /// A link is being opened. Next: handshaking, waiting, idle.
        case dialing
        /// CONNECT is out. Next: connected, waiting, idle.
        case handshaking(Handshake)
        /// ``connection`` is there. Next: waiting, idle.
        case connected
        /// The next attempt comes at the instant. Next: dialing, idle.
        case waiting(until: Instant)
    }

    package let configuration: EngineConfiguration
    var phase = Phase.idle
    package var session: SessionState
    package var connection: ConnectionState?
    /// The exchange of enhanced authentication that is under way.
    var authentication: Authentication?
    /// How many steps the user's code was asked for.
    var authenticationSteps: UInt64 = 0
    var reconnect: ReconnectMachine
    package internal(set) var connectCalls: [OperationID] = []
    /// Whether any connection stood since the user asked for one.
    package internal(set) var hasConnected = false
    /// Whether the server may hold a session of this client, from this or an earlier connection.
    var hasSession = false
    /// Seconds the server keeps the session behind the connection: its own word, ours until then.
    var sessionExpiry: UInt32
    /// The session the server has is unknown here: the next connection begins a new one.
    var mustStartClean = false
    /// Where the server has sent us.
    var redirect = Redirect()
    /// Why the last attempt or connection ended, since the user asked for one.
    package internal(set) var lastFailure: EngineFailure?
    package var clientID: String

    package init(configuration: EngineConfiguration, seed: UInt64) {
        self.configuration = configuration
        self.clientID = configuration.clientID
        self.sessionExpiry = configuration.sessionExpiry
        self.session = SessionState(configuration: configuration, seed: seed)
        self.reconnect = ReconnectMachine(
            policy: configuration.reconnect,
            credentialsMayChange: configuration.credentialsMayChange,
            endpointCount: configuration.endpointCount,
            endpointOrder: configuration.endpointOrder,
            seed: seed
        )
    }

    /// The number of the endpoint of the configuration to dial, or that is connected to.
    package var endpoint: Int { self.reconnect.endpoint }

    /// The server to dial, when it is not the one of the configuration.
    package var server: ServerReference? { self.redirect.forNow ?? self.redirect.forGood }

    /// Whether a session of this client at the server is no surprise: we had it, or a store keeps our part of it.
    var knowsSession: Bool { self.hasSession || self.configuration.isDurable }

    /// Whether a connection stands.
    package var isConnected: Bool { self.connection != nil }

    /// Whether a connection is wanted: it stands, or is being made, or will be tried again.
    package var isActive: Bool { if case .idle = self.phase { false } else { true } }

    /// Whether the peer owes us an answer, so that reading must not pause.
    package var isAwaitingReply: Bool {
        guard let connection = self.connection else { return true }
        return self.session.isAwaitingReply || connection.keepAlive.isAwaitingPong || self.authentication != nil
    }

    /// When ``deadlineReached(now:into:)`` must be called next, if ever.
    package var nextDeadline: Instant? {
        guard let session = self.session.nextDeadline else { return self.phaseDeadline }
        return self.phaseDeadline.map { min($0, session) } ?? session
    }

    private var phaseDeadline: Instant? {
        switch self.phase {
        case .idle, .dialing: nil
        case .handshaking(let handshake): handshake.deadline
        case .connected: self.connectedDeadline
        case .waiting(let instant): instant
        }
    }

    /// Time has passed; harmless when nothing is due.
    package mutating func deadlineReached(now: Instant, into effects: inout [Effect]) {
        if let due = self.session.nextDeadline, now >= due { self.sessionDeadlineReached(now: now, into: &effects) }
        guard let due = self.phaseDeadline, now >= due else { return }
        switch self.phase {
        case .idle, .dialing:
            break
        case .handshaking:
            let isPlain = self.authentication == nil
            let what = isPlain ? "the server did not answer CONNECT with CONNACK" : "the authentication did not end"
            let failure = EngineFailure(.timedOut, "\(what) in time")
            self.endLink(failure, now: now, into: &effects)
        case .waiting:
            self.phase = .dialing
            effects.append(.dial)
        case .connected:
            if self.authenticationTimedOut(now: now, into: &effects) { return }
            switch self.connection?.keepAlive.deadlineReached(now: now) {
            case .sendPing:
                effects.append(.send(.pingRequest))
            case .declarePeerLost:
                // No DISCONNECT: nobody is there to read it, and the will should be published.
                let failure = EngineFailure(.connectionLost, "the server did not answer a ping in time")
                self.endLink(failure, now: now, into: &effects)
            case .some(.none), nil:
                break
            }
        }
    }

    private mutating func sessionDeadlineReached(now: Instant, into effects: inout [Effect]) {
        self.session.outbound.deadlineReached(now: now, gate: &self.session.gate, into: &effects)
        for refusal in self.session.ledger.deadlineReached(now: now) { self.end(refusal, into: &effects) }
        if let end = self.session.unclaimed.nextDeadline, now >= end { self.giveUpUnclaimed(into: &effects) }
    }

    /// Nobody has subscribed to what was kept: it is acknowledged as any message is that nobody wants (MQTT-4.5.0-2).
    private mutating func giveUpUnclaimed(into effects: inout [Effect]) {
        for message in self.session.unclaimed.giveUp() {
            self.acknowledge(message.token, into: &effects)
            effects.append(.report(.unmatched(topic: message.topic)))
        }
        effects.append(.dropUnclaimed)
    }

    /// The outbox was written to the link.
    package mutating func flushed(now: Instant) { self.connection?.keepAlive.sent(now: now) }

    /// Bytes came from the link.
    ///
    /// Call before the packets that are in them.
    package mutating func bytesReceived(now: Instant) {
        self.connection?.keepAlive.received(now: now)
        self.session.outbound.now = now
    }
}

/// The servers that a server has sent us to (MQTT 5.0, 4.11).
struct Redirect: Sendable {
    /// For one connection.
    var forNow: ServerReference?
    /// From now on.
    var forGood: ServerReference?
}
