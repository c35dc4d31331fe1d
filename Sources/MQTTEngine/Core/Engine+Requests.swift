// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

extension Engine {
    package typealias OfflineChoice = EngineConfiguration.OfflineChoice

    /// The user publishes; `offline` takes the place of what the configuration says, for this message.
    ///
    /// On `.send` the caller writes the frame at once; everything else comes as effects. `now` is asked for only where time
    /// matters.
    package mutating func publish(
        _ frame: PublishFrame,
        operation: OperationID?,
        offline: OfflineChoice? = nil,
        now: () -> Instant,
        into effects: inout [Effect]
    ) -> PublishDecision {
        let isAcknowledged = frame.message.qos != .atMostOnce
        // It knows whether a connection stands, and the limits of it, as ``connection`` does; nothing is copied here.
        if self.session.outbound.isConnected {
            if self.session.outbound.limits.mayRefuse(frame) {
                let limits = self.session.outbound.limits
                if let refusal = limits.refusal(of: frame) ?? limits.refusalOfAlias(of: frame) {
                    return .refused(refusal)
                }
            }
            guard isAcknowledged else {
                return self.session.outbound.maySendUnacknowledged(now) ? .send(nil) : .mustWait
            }
            return self.publishAcknowledged(frame, operation, offline, now: now, into: &effects)
        }
        if let refusal = self.refusalOffline(offline ?? self.offlineChoice(isAcknowledged)) { return .refused(refusal) }
        guard isAcknowledged else { return .mustWait }
        return self.publishAcknowledged(frame, operation, offline, now: now, into: &effects)
    }

    private mutating func publishAcknowledged(
        _ frame: PublishFrame,
        _ operation: OperationID?,
        _ offline: OfflineChoice?,
        now: () -> Instant,
        into effects: inout [Effect]
    ) -> PublishDecision {
        var patience: Duration?
        if case .wait(let limit) = offline ?? self.configuration.offlineAcknowledged { patience = limit }
        return self.session.outbound.publish(
            frame,
            operation: operation,
            patience: patience,
            now: now,
            gate: &self.session.gate,
            into: &effects
        )
    }

    /// Keeps a QoS 0 message that has to wait; an operation of nil is told nothing.
    package mutating func queue(
        _ frame: PublishFrame,
        operation: OperationID?,
        offline: OfflineChoice? = nil,
        now: Instant
    ) -> PublishDecision {
        var patience: Duration?
        if case .wait(let limit) = offline ?? self.configuration.offlineAtMostOnce { patience = limit }
        return self.session.outbound.queueUnacknowledged(frame, operation: operation, patience: patience, now: now)
    }

    /// What a message does without a connection, unless its call says otherwise.
    package func offlineChoice(_ isAcknowledged: Bool) -> OfflineChoice {
        isAcknowledged ? self.configuration.offlineAcknowledged : self.configuration.offlineAtMostOnce
    }

    private func refusalOffline(_ choice: OfflineChoice) -> EngineFailure? {
        if choice != .fail, self.isActive || self.configuration.isDurable { return nil }
        return EngineFailure(.notConnected, "there is no connection to the server")
    }

    /// The user subscribes, or declares a subscription before connecting (then without an operation).
    package mutating func subscribe(
        _ request: SubscribeRequest,
        operation: OperationID?,
        offline: OfflineChoice? = nil,
        now: () -> Instant,
        into effects: inout [Effect]
    ) {
        let choice = offline ?? self.configuration.offlineSubscribe
        if let operation, !self.isConnected, !self.isActive || choice == .fail {
            let failure = EngineFailure(.notConnected, "there is no connection to the server")
            effects.append(.complete(operation, .failed(failure)))
            return
        }
        guard !request.filters.isEmpty else {
            // Nothing to ask for, and so nothing to wait for.
            if let operation { effects.append(.complete(operation, .subscribed([]))) }
            return
        }
        self.session.ledger.add(request, operation: operation)
        if operation != nil, case .wait(let limit?) = choice {
            self.session.ledger.setDeadline(now().advanced(by: limit), of: request.id)
        }
        for (index, filter) in request.filters.enumerated() {
            let destination = Destination(
                subscription: request.id,
                filter: UInt16(truncatingIfNeeded: index),
                acknowledgesLater: request.acknowledgesLater
            )
            self.session.router.add(filter.filter, to: destination, identifier: request.identifier)
        }
        self.claim(for: request, into: &effects)
        self.sendSubscriptions(into: &effects)
    }

    /// Gives a new subscription what came for it before it was there.
    private mutating func claim(for request: SubscribeRequest, into effects: inout [Effect]) {
        for (token, filter) in self.session.unclaimed.claim(request.filters.map(\.filter)) {
            let destination = Destination(
                subscription: request.id,
                filter: UInt16(truncatingIfNeeded: filter),
                acknowledgesLater: request.acknowledgesLater
            )
            effects.append(.deliverUnclaimed(token, destination))
            if !request.acknowledgesLater { self.acknowledge(token, into: &effects) }
        }
    }

    /// The user is done with a subscription; an operation of nil asks for no answer.
    package mutating func unsubscribe(
        _ id: SubscriptionID,
        operation: OperationID?,
        properties: Properties = Properties(),
        into effects: inout [Effect]
    ) {
        if let request = self.session.ledger.request(of: id) { self.unroute(request) }
        if let waiting = self.session.ledger.takeOperation(of: id) {
            let failure = EngineFailure(.cancelled, "the subscription was given up before the server's answer")
            effects.append(.complete(waiting, .failed(failure)))
        }
        self.session.ledger.remove(
            id,
            operation: operation,
            properties: properties,
            limits: self.connection?.limits,
            exchanges: &self.session.outbound.exchanges,
            into: &effects
        )
    }

    /// The user asks for the round trip.
    package mutating func ping(_ operation: OperationID, now: Instant, into effects: inout [Effect]) {
        guard self.connection != nil else {
            let failure = EngineFailure(.notConnected, "there is no connection to the server")
            effects.append(.complete(operation, .failed(failure)))
            return
        }
        self.connection?.keepAlive.pingSent(operation: operation, now: now)
        effects.append(.send(.pingRequest))
    }

    /// A subscription is done with a message; harmless twice and after the connection it came on.
    package mutating func acknowledge(
        _ token: DeliveryToken,
        reason: ReasonCode = .success,
        into effects: inout [Effect]
    ) {
        // Before 5.0 an acknowledgement cannot say anything but yes.
        let reason = self.configuration.version.hasProperties ? reason : .success
        self.session.inbound.acknowledge(token, reason: reason, gate: &self.session.gate, into: &effects)
    }

    /// Asks the server for filters it does not have yet.
    mutating func sendSubscriptions(into effects: inout [Effect]) {
        guard let limits = self.connection?.limits, self.session.ledger.hasUnsent else { return }
        for refusal in self.session.ledger.unsupported(by: limits) { self.end(refusal, into: &effects) }
        self.session.ledger.sendUnsent(limits: limits, exchanges: &self.session.outbound.exchanges, into: &effects)
    }

    /// A subscription ends because of its refusal, and nothing else does.
    mutating func end(_ refusal: SubscriptionLedger.Refused, into effects: inout [Effect]) {
        let request = refusal.request
        self.unroute(request)
        self.session.ledger.remove(
            request.id,
            operation: nil,
            limits: self.connection?.limits,
            exchanges: &self.session.outbound.exchanges,
            into: &effects
        )
        if let operation = refusal.operation { effects.append(.complete(operation, .failed(refusal.failure))) }
        let filter = refusal.failure.filter ?? ""
        effects.append(.endSubscription(request.id, refusal.failure))
        guard let reason = refusal.reason else { return }
        effects.append(.report(.subscriptionRefused(request.id, filter: filter, reason)))
    }

    mutating func unroute(_ request: SubscribeRequest) {
        for filter in request.filters {
            self.session.router.remove(filter.filter, of: request.id, identifier: request.identifier)
        }
    }
}
