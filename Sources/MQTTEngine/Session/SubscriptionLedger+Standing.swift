// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

extension SubscriptionLedger {
    /// Completes the operation when the server has answered every filter, which it may have done already.
    mutating func waitForAnswers(to id: SubscriptionID, operation: OperationID, into effects: inout [Effect]) {
        guard let entry = self.entries[id] else {
            let failure = EngineFailure(.cancelled, "the subscription has ended")
            effects.append(.complete(operation, .failed(failure)))
            return
        }
        guard entry.isAnswered else {
            self.entries[id]?.operation = operation
            return
        }
        effects.append(.complete(operation, .subscribed(entry.reasons)))
    }
}

extension SubscriptionLedger.Entry {
    /// The answers to the filters that have one.
    var reasons: [ReasonCode] {
        self.status.compactMap { status in
            if case .answered(let reason) = status { reason } else { nil }
        }
    }
}

extension Engine {
    /// Whoever holds a subscription wants to know when it stands on this connection: at once, or when SUBACK comes.
    ///
    /// Nobody else may be waiting for the same.
    package mutating func awaitSubscription(
        _ id: SubscriptionID,
        operation: OperationID,
        into effects: inout [Effect]
    ) {
        self.session.ledger.waitForAnswers(to: id, operation: operation, into: &effects)
    }
}
