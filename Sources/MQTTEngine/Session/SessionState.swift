// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

/// What survives a connection: identifiers, messages under way in both directions, subscriptions (MQTT 5.0, 4.1).
package struct SessionState: Sendable {
    package var outbound: OutboundPublishes
    package var inbound: InboundPublishes
    package var ledger: SubscriptionLedger
    package var router = Router()
    var unclaimed = UnclaimedMessages()
    package var gate: StoreGate

    package init(configuration: EngineConfiguration, seed: UInt64) {
        self.outbound = OutboundPublishes(configuration: configuration)
        let policed = configuration.version.hasProperties ? Int(configuration.receiveMaximum) : 65_535
        self.inbound = InboundPublishes(receiveMaximum: policed)
        self.ledger = SubscriptionLedger(configuration: configuration, seed: seed)
        self.gate = StoreGate(isDurable: configuration.isDurable)
    }

    /// Whether the peer owes us anything: reading must go on.
    package var isAwaitingReply: Bool { self.outbound.isAwaitingReply || self.ledger.isAwaitingReply }

    /// When a message or a subscription has to be looked at next, if ever.
    var nextDeadline: Instant? {
        var earliest = self.outbound.nextDeadline
        for other in [self.ledger.nextDeadline, self.unclaimed.nextDeadline] {
            guard let other else { continue }
            earliest = earliest.map { min($0, other) } ?? other
        }
        return earliest
    }

    /// The link ended.
    mutating func linkLost(into effects: inout [Effect]) {
        // The server sends them again.
        if !self.unclaimed.giveUp().isEmpty { effects.append(.dropUnclaimed) }
        self.ledger.linkLost(exchanges: &self.outbound.exchanges, into: &effects)
        self.outbound.linkLost()
        self.inbound.linkLost()
        self.gate.linkLost()
    }

    /// A connection stands: first what is owed to the session, then the subscriptions.
    ///
    /// MQTT 3.1 has no way to say that a session is present. Going on with it is right if there is one, and little is
    /// lost if not: PUBLISH and PUBREL work without one. Filters are asked for again, which a session does not mind.
    mutating func connected(_ connected: Connected, mayGoOn: Bool, into effects: inout [Effect]) {
        if connected.sessionPresent || mayGoOn {
            self.outbound.sessionResumed(limits: connected.limits, gate: &self.gate, into: &effects)
        } else {
            self.inbound.sessionStarted(gate: &self.gate, into: &effects)
            self.outbound.sessionStarted(limits: connected.limits, gate: &self.gate, into: &effects)
        }
        self.ledger.connected(
            hasSubscriptions: connected.sessionPresent,
            mayHaveOthers: connected.sessionPresent || mayGoOn,
            limits: connected.limits,
            exchanges: &self.outbound.exchanges,
            into: &effects
        )
    }
}
