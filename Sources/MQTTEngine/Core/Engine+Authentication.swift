// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

// MARK: - The user

extension Engine {
    /// Whether packets must not be given to the engine now: CONNACK is there, and the server's proof is being checked.
    package var holdsPackets: Bool { self.authentication?.connected != nil }

    /// Whether an exchange is under way.
    package var isAuthenticating: Bool { self.authentication != nil }

    /// Whether the exchange of CONNECT is under way.
    package var isAuthenticatingConnect: Bool { self.authentication?.isFirst == true }

    /// The user wants to authenticate again (MQTT-4.12.1-1); joins an exchange that is under way.
    package mutating func reauthenticate(_ operation: OperationID, into effects: inout [Effect]) {
        guard self.connection != nil else {
            let failure = EngineFailure(.notConnected, "there is no connection to the server")
            effects.append(.complete(operation, .failed(failure)))
            return
        }
        guard self.configuration.authenticationMethod != nil else {
            // MQTT-4.12.0-7.
            let words = "the client connected without an authentication method and may not authenticate now"
            effects.append(.complete(operation, .failed(EngineFailure(.authenticationFailed, words))))
            return
        }
        guard self.authentication == nil else {
            self.authentication?.calls.append(operation)
            return
        }
        let number = self.takeStepNumber()
        var authentication = Authentication(isFirst: false, turn: .ours(number))
        authentication.calls = [operation]
        self.authentication = authentication
        effects.append(.authenticate(.begin, number))
    }

    private mutating func takeStepNumber() -> StepNumber {
        self.authenticationSteps += 1
        return StepNumber(self.authenticationSteps)
    }
}

// MARK: - The user's code

extension Engine {
    /// The user's code says what to send, without the method; ignored when nobody waits for it any more.
    package mutating func authenticationAnswered(
        _ number: StepNumber,
        _ content: Properties,
        now: Instant,
        into effects: inout [Effect]
    ) {
        guard let authentication = self.authentication, authentication.turn == .ours(number) else { return }
        let isBeginning = !authentication.isFirst && authentication.deadline == nil
        let reason: ReasonCode = isBeginning ? .reauthenticate : .continueAuthentication
        do throws(EncodingError) {
            let packet = try self.auth(reason, content)
            self.authentication?.turn = .theirs
            if isBeginning {
                self.authentication?.deadline = now.advanced(by: self.configuration.handshakeTimeout)
            }
            effects.append(.send(.auth(packet)))
        } catch {
            self.authenticationFailed(number, cause: error, now: now, into: &effects)
        }
    }

    /// The user's code finds the server's proof good.
    package mutating func authenticationFinished(_ number: StepNumber, now: Instant, into effects: inout [Effect]) {
        guard let authentication = self.authentication, authentication.turn == .checking(number) else { return }
        self.authentication = nil
        if let connected = authentication.connected {
            self.accepted(connected, mayGoOn: false, now: now, into: &effects)
        }
        for operation in authentication.calls { effects.append(.complete(operation, .authenticated)) }
    }

    /// The user's code could not go on, or does not trust the server (MQTT-4.12.1-2).
    package mutating func authenticationFailed(
        _ number: StepNumber,
        cause: any Error,
        now: Instant,
        into effects: inout [Effect]
    ) {
        guard let authentication = self.authentication,
            authentication.turn == .ours(number) || authentication.turn == .checking(number)
        else { return }
        guard authentication.isFirst || authentication.deadline != nil else {
            // Nothing was sent yet: the connection is as good as it was.
            self.authentication = nil
            var failure = EngineFailure(.credentialsUnavailable, "the authentication could not be begun: \(cause)")
            failure.cause = EngineFailure.Cause(cause)
            for operation in authentication.calls { effects.append(.complete(operation, .failed(failure))) }
            return
        }
        var failure = EngineFailure(.authenticationFailed, "the authentication failed: \(cause)")
        failure.cause = EngineFailure.Cause(cause)
        self.refuse(failure, now: now, into: &effects)
    }

    /// Ends the connection because the exchange cannot be brought to its end.
    ///
    /// "Not authorized" would say it better, but only a server may send that with DISCONNECT (MQTT 5.0, 3.14.2.1).
    private mutating func refuse(_ failure: EngineFailure, now: Instant, into effects: inout [Effect]) {
        self.sayWhy(.unspecifiedError, into: &effects)
        self.endLink(failure, now: now, into: &effects)
    }

    /// Our AUTH; without what the server need not be told when it would be too large (MQTT-3.15.2-2, MQTT-3.15.2-3).
    private func auth(_ reason: ReasonCode, _ content: Properties) throws(EncodingError) -> Auth {
        var packet = Auth(reason: reason, properties: self.authenticationProperties(content))
        // Before CONNACK the server has not said what it takes.
        let limit = self.connection?.limits.maximumPacketSize ?? .max
        let encoder = PacketEncoder(version: self.configuration.version)
        if try encoder.encodedSize(of: .auth(packet)) <= limit { return packet }
        packet.properties.removeUserProperties()
        if try encoder.encodedSize(of: .auth(packet)) <= limit { return packet }
        packet.properties.reasonString = nil
        if try encoder.encodedSize(of: .auth(packet)) <= limit { return packet }
        throw EncodingError(.tooLarge, "the AUTH is larger than the \(limit) bytes the server takes")
    }

    /// The method, the same in every packet (MQTT-4.12.0-5), and what the user's code says.
    func authenticationProperties(_ content: Properties) -> Properties {
        guard let method = self.configuration.authenticationMethod else { return Properties() }
        return Properties([.authenticationMethod(method)] + content)
    }
}

// MARK: - The server

extension Engine {
    /// AUTH came.
    mutating func receivedAuth(_ auth: Auth, now: Instant, into effects: inout [Effect]) {
        guard let authentication = self.authentication else {
            // MQTT-4.12.0-6, and what nobody began.
            self.protocolError(.protocolError, "an AUTH nobody asked for", now: now, into: &effects)
            return
        }
        guard auth.properties.authenticationMethod == self.configuration.authenticationMethod else {
            let words = "an AUTH with another authentication method than ours"
            self.protocolError(.protocolError, words, now: now, into: &effects)
            return
        }
        guard authentication.turn == .theirs else {
            self.protocolError(.protocolError, "an AUTH before our answer", now: now, into: &effects)
            return
        }
        switch auth.reason {
        case .continueAuthentication:
            guard self.authentication?.nextRound() == true else {
                let words = "the server asked for more than \(Authentication.roundLimit) times"
                self.refuse(EngineFailure(.authenticationFailed, words), now: now, into: &effects)
                return
            }
            let number = self.takeStepNumber()
            self.authentication?.turn = .ours(number)
            effects.append(.authenticate(.answer(auth.properties), number))
        case .success where !authentication.isFirst:
            self.check(auth.properties, into: &effects)
        default:
            self.protocolError(.protocolError, "an AUTH that says \(auth.reason)", now: now, into: &effects)
        }
    }

    /// The server is content: so must the user's code be.
    private mutating func check(_ properties: Properties, into effects: inout [Effect]) {
        let number = self.takeStepNumber()
        self.authentication?.turn = .checking(number)
        effects.append(.authenticate(.finish(properties), number))
    }

    /// CONNACK came and is good, as far as the engine can tell.
    mutating func receivedConnAck(
        _ answer: ConnAck,
        _ connected: Connected,
        now: Instant,
        into effects: inout [Effect]
    ) {
        guard self.authentication?.turn == .theirs else {
            self.protocolError(.protocolError, "a CONNACK before our answer", now: now, into: &effects)
            return
        }
        self.authentication?.connected = connected
        self.check(answer.properties, into: &effects)
    }

    /// When something is due on a connection that stands.
    var connectedDeadline: Instant? {
        let keepAlive = self.connection?.keepAlive.nextDeadline
        guard let deadline = self.authentication?.deadline else { return keepAlive }
        return keepAlive.map { min($0, deadline) } ?? deadline
    }

    /// A re-authentication has taken too long; false when none has.
    mutating func authenticationTimedOut(now: Instant, into effects: inout [Effect]) -> Bool {
        guard let deadline = self.authentication?.deadline, now >= deadline else { return false }
        self.refuse(EngineFailure(.timedOut, "the authentication did not end in time"), now: now, into: &effects)
        return true
    }

    /// The connection ended under the exchange.
    mutating func abandonAuthentication(_ failure: EngineFailure, into effects: inout [Effect]) {
        guard let authentication = self.authentication.take() else { return }
        for operation in authentication.calls { effects.append(.complete(operation, .failed(failure))) }
    }
}
