// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import MQTTWire
import NIOCore

extension BrokerCore {
    /// Handles a packet whose turn it is.
    mutating func handle(_ packet: Packet, from id: ConnectionID, version: ProtocolVersion, now: NIODeadline) {
        guard let state = self.connections[id] else { return }
        switch (state.phase, packet) {
        case (.expectsConnect, .connect(let connect)):
            self.connections[id]?.version = version
            let maximum = connect.properties.maximumPacketSize.map { Int($0) }
            self.connections[id]?.maximumPacketSize = maximum == 0 ? nil : maximum
            self.connectCame(connect, from: id, version: version, now: now)
        case (.expectsConnect, _):
            // MQTT-3.1.0-1.
            self.fail(id, .protocolError, "The first packet is no CONNECT", now: now)
        case (.connecting(let connecting, let awaitsAuth), .auth(let auth)) where awaitsAuth:
            self.authCame(auth, while: connecting, from: id, now: now)
        case (.connecting(let connecting, _), .disconnect(let packet)):
            self.note(.refused(clientID: connecting.connect.clientID, reason: packet.reason))
            self.append(.close(id))
            self.forget(id)
        case (.connecting, _):
            // MQTT-3.1.2-30.
            self.fail(id, .protocolError, "Something else than AUTH came before CONNACK", now: now)
        case (.connected(let slot), _):
            self.handle(packet, of: slot, from: id, now: now)
        }
    }

    private mutating func handle(_ packet: Packet, of slot: Int, from id: ConnectionID, now: NIODeadline) {
        switch packet {
        case .publish(let publish): self.publishCame(publish, of: slot, from: id, now: now)
        case .pubAck(let packet): self.pubAckCame(packet, of: slot, from: id, now: now)
        case .pubRec(let packet): self.pubRecCame(packet, of: slot, from: id, now: now)
        case .pubRel(let packet): self.pubRelCame(packet, of: slot, from: id)
        case .pubComp(let packet): self.pubCompCame(packet, of: slot, from: id, now: now)
        case .subscribe(let packet): self.goOn(PendingSubscribe(packet), of: slot, from: id, now: now)
        case .unsubscribe(let packet): self.unsubscribeCame(packet, of: slot, from: id)
        case .pingRequest: self.send(.pingResponse, to: id)
        case .disconnect(let packet): self.disconnectCame(packet, of: slot, from: id, now: now)
        case .auth(let packet): self.authCame(packet, of: slot, from: id, now: now)
        case .connect:
            // MQTT-3.1.0-2.
            self.fail(id, .protocolError, "A second CONNECT came", now: now)
        case .connAck, .subAck, .unsubAck, .pingResponse:
            self.fail(id, .protocolError, "The client sent what only servers send", now: now)
        }
    }

    /// Asks the user's code; until it answers, the packets of this connection wait in order.
    mutating func ask(_ question: BrokerQuestion, for purpose: PendingQuestion.Purpose, of id: ConnectionID) {
        self.lastQuestion &+= 1
        let questionID = QuestionID(rawValue: self.lastQuestion)
        self.askers[questionID] = id
        self.connections[id]?.question = PendingQuestion(id: questionID, purpose: purpose)
        if let state = self.connections[id], !state.isPaused, !state.isGone {
            self.connections[id]?.isPaused = true
            self.append(.read(id, false))
        }
        self.append(.ask(questionID, question))
    }

    /// The user's code has answered.
    ///
    /// The answer for a connection that ended meanwhile says nothing to anyone.
    mutating func answered(_ question: QuestionID, with answer: BrokerAnswer, now: NIODeadline) {
        guard let id = self.askers.removeValue(forKey: question), let state = self.connections[id],
            let pending = state.question, pending.id == question
        else { return }
        self.connections[id]?.question = nil
        switch pending.purpose {
        case .authenticate(let connecting): self.authenticated(connecting, answer, of: id, now: now)
        case .exchange(let connecting): self.exchanged(connecting, answer, of: id, now: now)
        case .will(let connecting): self.willAuthorized(connecting, answer.reason, of: id, now: now)
        case .publish(let publish):
            if let slot = state.slot { self.authorized(publish, answer.reason, of: slot, from: id, now: now) }
        case .subscribe(let pending):
            if let slot = state.slot { self.authorized(pending, answer.reason, of: slot, from: id, now: now) }
        case .reauthenticate:
            if let slot = state.slot { self.reauthenticated(answer, of: slot, from: id, now: now) }
        }
        self.goOn(id, now: now)
    }

    /// Works through what waited, up to the next question.
    private mutating func goOn(_ id: ConnectionID, now: NIODeadline) {
        while let state = self.connections[id], state.question == nil {
            guard let arrival = self.connections[id]?.waiting.popFirst() else {
                guard !state.isGone else { return self.closed(id, now: now) }
                self.connections[id]?.isPaused = false
                self.append(.read(id, true))
                return
            }
            switch arrival {
            case .packet(let packet, let version): self.handle(packet, from: id, version: version, now: now)
            case .fault(let error): self.fail(id, error.reason, error.message, now: now)
            }
        }
    }
}

extension BrokerAnswer {
    /// Yes or no, for questions that are asked no more than that.
    var reason: ReasonCode {
        switch self {
        case .decided(let reason): reason
        case .done: .success
        case .proceed: .implementationSpecificError
        }
    }
}
