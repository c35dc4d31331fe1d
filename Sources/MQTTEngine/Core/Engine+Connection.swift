// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

extension Engine {
    /// The user asks for a connection; joins one that stands or is being made.
    package mutating func connect(_ operation: OperationID, now: Instant, into effects: inout [Effect]) {
        if let connection = self.connection {
            effects.append(.complete(operation, .connected(connection.connected)))
            return
        }
        self.connectCalls.append(operation)
        guard !self.isActive else { return }
        self.reconnect.reset()
        self.redirect = Redirect()
        self.lastFailure = nil
        self.hasConnected = false
        self.phase = .dialing
        effects.append(.dial)
    }

    /// Nobody waits for this call any more; the attempt itself goes on until ``disconnect(_:packet:now:into:)``.
    package mutating func connectCancelled(_ operation: OperationID) {
        self.connectCalls.removeAll { $0 == operation }
    }

    /// The link is open: CONNECT goes out.
    ///
    /// `authentication` is what the user's code begins an exchange of enhanced authentication with, without the method.
    package mutating func linkUp(
        credentials: ConnectCredentials?,
        authentication: Properties = Properties(),
        now: Instant,
        into effects: inout [Effect]
    ) {
        guard case .dialing = self.phase else {
            effects.append(.close)
            return
        }
        let cleanStart = self.cleanStart
        self.phase = .handshaking(
            Handshake(cleanStart: cleanStart, timeout: self.configuration.handshakeTimeout, now: now)
        )
        var connect = Handshake.connect(
            configuration: self.configuration,
            clientID: self.clientID,
            cleanStart: cleanStart,
            credentials: credentials
        )
        if self.configuration.authenticationMethod != nil {
            self.authentication = Authentication(isFirst: true, turn: .theirs)
            for property in authentication {
                // CONNECT has no reason to give.
                if case .reasonString = property { continue }
                connect.properties.append(property)
            }
        }
        do throws(EncodingError) {
            _ = try PacketEncoder(version: self.configuration.version).encodedSize(of: .connect(connect))
            effects.append(.send(.connect(connect)))
        } catch {
            // All else was checked before: only credentials come at the last moment.
            let words = "the credentials cannot be sent: \(error.message)"
            self.endLink(EngineFailure(.credentialsUnavailable, words), now: now, into: &effects)
        }
    }

    private var cleanStart: Bool {
        if self.mustStartClean { return true }
        return switch self.configuration.cleanStart {
        case .always: true
        case .firstOnly: !self.hasSession
        case .never: false
        }
    }

    /// The link could not be opened.
    package mutating func linkFailed(_ failure: EngineFailure, now: Instant, into effects: inout [Effect]) {
        guard case .dialing = self.phase else { return }
        self.attemptEnded(failure, lasted: nil, now: now, into: &effects)
    }

    /// The link ended by itself.
    package mutating func linkLost(_ failure: EngineFailure, now: Instant, into effects: inout [Effect]) {
        switch self.phase {
        case .handshaking, .connected: self.endLink(failure, now: now, into: &effects)
        case .idle, .dialing, .waiting: break
        }
    }

    /// The peer sent what is no legal packet: tell it why, where the version can, and close.
    package mutating func malformed(_ error: DecodingError, now: Instant, into effects: inout [Effect]) {
        switch self.phase {
        case .handshaking, .connected: self.protocolError(error.reason, error.message, now: now, into: &effects)
        case .idle, .dialing, .waiting: break
        }
    }

    /// Closes because the peer broke the protocol.
    mutating func protocolError(
        _ reason: ReasonCode,
        _ message: String,
        now: Instant,
        into effects: inout [Effect]
    ) {
        self.sayWhy(reason, into: &effects)
        let failure = EngineFailure(.protocolViolation, "the server broke the protocol: \(message) (\(reason))")
        self.endLink(failure, now: now, into: &effects)
    }

    /// DISCONNECT with a reason, where the version has one.
    ///
    /// A client may send it from CONNECT on (MQTT 5.0, 3.1.2-30,
    /// 4.13).
    mutating func sayWhy(_ reason: ReasonCode, into effects: inout [Effect]) {
        guard self.configuration.version.hasProperties else { return }
        effects.append(.send(.disconnect(Disconnect(reason: reason))))
    }

    /// Closes the link and goes the reconnect way.
    mutating func endLink(_ failure: EngineFailure, now: Instant, into effects: inout [Effect]) {
        effects.append(.close)
        let lasted = self.connection.map { now.since($0.since) }
        self.forgetConnection(failure, into: &effects)
        self.attemptEnded(failure, lasted: lasted, now: now, into: &effects)
    }

    /// Throws away what belongs to the connection.
    private mutating func forgetConnection(_ failure: EngineFailure, into effects: inout [Effect]) {
        for operation in self.connection?.keepAlive.abandonPings() ?? [] {
            let words = "the connection ended before the answer: \(failure.message)"
            let lost = EngineFailure(failure.kind == .closed ? .closed : .connectionLost, words)
            effects.append(.complete(operation, .failed(lost)))
        }
        self.abandonAuthentication(failure, into: &effects)
        self.connection = nil
        self.session.linkLost(into: &effects)
    }

    /// Decides whether to try again.
    private mutating func attemptEnded(
        _ failure: EngineFailure,
        lasted: Duration?,
        now: Instant,
        into effects: inout [Effect]
    ) {
        effects.append(.report(.disconnected(failure)))
        self.lastFailure = failure
        self.redirect.forNow = nil
        // A server that was named for good is left when it fails and there are others.
        if lasted == nil, self.reconnect.hasOtherEndpoints { self.redirect.forGood = nil }
        let isFirst = !self.hasConnected && !self.configuration.retriesFirstAttempt
        switch self.reconnect.connectionEnded(because: failure, lasted: lasted) {
        case .retry(let attempt, let wait) where !isFirst:
            self.phase = .waiting(until: now.advanced(by: wait))
            effects.append(.report(.reconnecting(attempt: attempt, after: wait)))
        case .next(let attempt):
            effects.append(.report(.reconnecting(attempt: attempt, after: .zero)))
            self.phase = .dialing
            effects.append(.dial)
        case .follow(let server, let isForGood):
            if isForGood { self.redirect.forGood = server } else { self.redirect.forNow = server }
            effects.append(.report(.redirected(server)))
            self.phase = .dialing
            effects.append(.dial)
        case .retry, .stop:
            self.giveUp(failure, into: &effects)
        }
    }

    /// The server has a session of this client that the client knows nothing of (MQTT-3.2.2-4).
    mutating func receivedUnexpectedSession(now: Instant, into effects: inout [Effect]) {
        self.sayWhy(.protocolError, into: &effects)
        let words =
            "the server keeps a session of \"\(self.clientID)\" that this client knows nothing of; set "
            + "unexpectedSession to startClean or adopt, or keep sessions in a session store"
        let failure = EngineFailure(.unexpectedSession, words)
        guard self.configuration.unexpectedSession == .startClean else {
            self.endLink(failure, now: now, into: &effects)
            return
        }
        // The recovery of 3.2.2.1.1: the same server, at once, with Clean Start.
        effects.append(.close)
        effects.append(.report(.disconnected(failure)))
        self.mustStartClean = true
        self.phase = .dialing
        effects.append(.dial)
    }

    /// No more attempts: every loop and every call ends with the error.
    private mutating func giveUp(_ failure: EngineFailure, into effects: inout [Effect]) {
        self.phase = .idle
        self.endEverything(calls: failure, into: &effects)
        if self.hasConnected { effects.append(.report(.gaveUp(failure))) }
    }

    /// Ends calls and subscriptions; the session stays as far as the server keeps it.
    private mutating func endEverything(calls failure: EngineFailure, into effects: inout [Effect]) {
        for operation in self.connectCalls { effects.append(.complete(operation, .failed(failure))) }
        self.connectCalls = []
        self.session.outbound.abandonCalls(
            failure: failure,
            keepingSession: self.hasSession && self.sessionExpiry > 0,
            gate: &self.session.gate,
            into: &effects
        )
        for request in self.session.ledger.removeAll(failure: failure, into: &effects) {
            self.unroute(request)
            effects.append(.endSubscription(request.id, failure))
        }
    }

    /// The user asks for the end; harmless at any time and twice.
    package mutating func disconnect(
        _ operation: OperationID,
        packet: Disconnect,
        now: Instant,
        into effects: inout [Effect]
    ) {
        let failure = EngineFailure(.closed, "the client was disconnected")
        switch self.phase {
        case .connected:
            effects.append(.send(.disconnect(self.connection?.limits.fit(packet) ?? packet)))
            effects.append(.close)
            self.sessionExpiry = packet.properties.sessionExpiryInterval ?? self.sessionExpiry
        case .handshaking:
            // The server that sent CONNACK would publish the will otherwise.
            if self.holdsPackets { effects.append(.send(.disconnect(packet))) }
            effects.append(.close)
        case .idle, .dialing, .waiting:
            break
        }
        let wasActive = self.isActive
        self.forgetConnection(failure, into: &effects)
        self.phase = .idle
        self.endEverything(calls: failure, into: &effects)
        if wasActive { effects.append(.report(.disconnected(failure))) }
        effects.append(.complete(operation, .disconnected))
    }

    /// Nobody wants the client any more: everything ends, without a DISCONNECT.
    package mutating func abandon(_ failure: EngineFailure, now: Instant, into effects: inout [Effect]) {
        effects.append(.close)
        self.forgetConnection(failure, into: &effects)
        self.phase = .idle
        self.endEverything(calls: failure, into: &effects)
    }

    /// CONNACK came and is good.
    mutating func accepted(_ connected: Connected, mayGoOn: Bool, now: Instant, into effects: inout [Effect]) {
        var connected = connected
        connected.endpoint = self.endpoint
        connected.server = self.server
        self.phase = .connected
        // After a reconnect the subscriptions are all there.
        if connected.sessionPresent, !self.hasConnected {
            self.session.unclaimed.begin(self.configuration.unclaimedGrace, now: now)
        }
        self.hasConnected = true
        self.hasSession = true
        self.mustStartClean = false
        self.sessionExpiry = connected.limits.sessionExpiry
        self.clientID = connected.clientID
        let keepAlive = KeepAlive(
            seconds: connected.limits.keepAlive,
            grace: self.configuration.pingTimeout,
            now: now
        )
        self.connection = ConnectionState(connected: connected, keepAlive: keepAlive, since: now)
        effects.append(.report(.connected(connected)))
        for operation in self.connectCalls { effects.append(.complete(operation, .connected(connected))) }
        self.connectCalls = []
        self.session.connected(connected, mayGoOn: mayGoOn, into: &effects)
        self.sendSubscriptions(into: &effects)
    }
}
