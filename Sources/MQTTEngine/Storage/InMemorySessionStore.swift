// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Keeps sessions in memory: for tests, and for clients that come and go within one process.
public actor InMemorySessionStore: SessionStore {
    private var records: [String: SessionRecord] = [:]

    /// Makes an empty store.
    public init() {}

    /// Gives what is kept for a client identifier.
    public func load(clientID: String) async throws -> SessionRecord {
        self.record(for: clientID)
    }

    /// Keeps the changes.
    public func apply(_ changes: [StoreChange], clientID: String) async throws {
        for change in changes { self.records[clientID, default: SessionRecord()].apply(change) }
    }

    /// What is kept for a client identifier now.
    public func record(for clientID: String) -> SessionRecord { self.records[clientID] ?? SessionRecord() }
}
