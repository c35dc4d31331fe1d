// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

/// What survives a connection: identifiers, messages under way in both directions, subscriptions (MQTT 5.0, 4.1).
package struct SessionState: Sendable {
    package var outbound: OutboundPublishes
    package var inbound: InboundPublishes
    package var ledger: SubscriptionLedger
    package var router = Router()
    package var gate: StoreGate

    package init(configuration: EngineConfiguration) {
        self.outbound = OutboundPublishes(configuration: configuration)
        let policed = configuration.version.hasProperties ? Int(configuration.receiveMaximum) : 65_535
        self.inbound = InboundPublishes(receiveMaximum: policed)
        self.ledger = SubscriptionLedger(configuration: configuration)
        self.gate = StoreGate(isDurable: configuration.isDurable)
    }

    /// Whether the peer owes us anything: reading must go on.
    package var isAwaitingReply: Bool { self.outbound.isAwaitingReply || self.ledger.isAwaitingReply }

    /// The link ended.
    mutating func linkLost(into effects: inout [Effect]) {
        self.ledger.linkLost(exchanges: &self.outbound.exchanges, into: &effects)
        self.outbound.linkLost()
        self.inbound.linkLost()
        self.gate.linkLost()
    }

    /// A connection stands: first what is owed to the session, then the subscriptions.
    mutating func connected(_ connected: Connected, into effects: inout [Effect]) {
        let quota = connected.limits.receiveMaximum
        if connected.sessionPresent {
            self.outbound.sessionResumed(quota: quota, gate: &self.gate, into: &effects)
        } else {
            self.inbound.sessionStarted(gate: &self.gate, into: &effects)
            self.outbound.sessionStarted(quota: quota, gate: &self.gate, into: &effects)
        }
        self.ledger.connected(
            sessionPresent: connected.sessionPresent,
            exchanges: &self.outbound.exchanges,
            into: &effects
        )
    }
}
