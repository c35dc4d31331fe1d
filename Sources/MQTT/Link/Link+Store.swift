// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import Synchronization

extension Link {
    /// Starts the one task that writes to the store; it ends when there is nothing left to write.
    func startStoring() {
        Task { await self.store() }
    }

    private func store() async {
        guard let store = self.settings.store else { return }
        while let (changes, ticket) = self.takeChanges() {
            do {
                try await store.apply(changes, clientID: self.settings.clientID)
                let now = self.world.now
                self.change { $0.engine.persisted(ticket, now: now, into: &$0.effects) }
            } catch {
                self.change { state in
                    let now = self.world.now
                    state.engine.persistFailed(ticket, message: "\(error)", now: now, into: &state.effects)
                }
            }
        }
    }

    private func takeChanges() -> (changes: [StoreChange], ticket: Ticket)? {
        self.state.withLock { state in
            guard !state.storeChanges.isEmpty else {
                state.isStoring = false
                return nil
            }
            defer { state.storeChanges = [] }
            return (state.storeChanges, state.storeTicket)
        }
    }
}
