// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Keeps sessions in memory: for tests, and for clients that come and go within one process.
public final class InMemorySessionStore: SessionStore {
    private let records = Mutex<[String: SessionRecord]>([:])

    /// Makes an empty store.
    public init() {}

    /// Gives what is kept for a client identifier.
    public func load(clientID: String) async throws -> SessionRecord {
        self.record(for: clientID)
    }

    /// Keeps the changes.
    public func apply(_ changes: [StoreChange], clientID: String) async throws {
        self.records.withLock { records in
            for change in changes { records[clientID, default: SessionRecord()].apply(change) }
        }
    }

    /// What is kept for a client identifier now.
    public func record(for clientID: String) -> SessionRecord {
        self.records.withLock { $0[clientID] ?? SessionRecord() }
    }
}
