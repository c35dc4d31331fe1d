// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTEngine
import MQTTWire
import NIOCore

/// One client's session in a store that is checked, beside what it should be.
struct StoreProbe {
    typealias Open = () async throws -> any SessionStore

    let rule: SessionStoreConformance.Rule
    let clientID: String
    var store: any SessionStore
    private(set) var expected = SessionRecord()
    private var did = "nothing"

    init(rule: SessionStoreConformance.Rule, clientID: String, store: any SessionStore) {
        self.rule = rule
        self.clientID = clientID
        self.store = store
    }

    /// Has a batch kept.
    mutating func apply(_ changes: [StoreChange], _ what: String) async throws {
        self.did = what
        do {
            try await self.store.apply(changes, clientID: self.clientID)
        } catch {
            try Task.checkCancellation()
            throw self.violation("the store threw: \(error)")
        }
        for change in changes { self.expected.apply(change) }
    }

    /// Takes a batch for kept that was applied elsewhere.
    mutating func assume(_ changes: [StoreChange], _ what: String) {
        self.did = what
        for change in changes { self.expected.apply(change) }
    }

    /// What the store has.
    func load() async throws -> SessionRecord {
        do {
            return try await self.store.load(clientID: self.clientID)
        } catch {
            try Task.checkCancellation()
            throw self.violation("the store threw when it was asked what it has: \(error)")
        }
    }

    /// Compares what the store has with what it should have.
    func check() async throws {
        let found = try await self.load()
        if let difference = Self.difference(found, from: self.expected) { throw self.violation(difference) }
    }

    /// Opens the store anew and compares.
    mutating func check(reopening open: Open) async throws {
        try await self.check()
        self.store = try await open()
        self.did += " and opened anew"
        try await self.check()
    }

    /// Removes what is left.
    mutating func clear() async throws {
        let changes = self.expected.outbound.map { StoreChange.outboundFinished(serial: $0.serial) }
        try await self.apply(changes + [.inboundForgotten], "the end of the check")
    }

    func violation(_ message: String) -> SessionStoreConformance.Violation {
        SessionStoreConformance.Violation(rule: self.rule, message: "after \(self.did): \(message)")
    }
}

extension StoreProbe {
    /// The first difference, in words; nil when there is none.
    ///
    /// What a released message said may be forgotten or not.
    static func difference(_ found: SessionRecord, from expected: SessionRecord) -> String? {
        let (came, wanted) = (found.outbound.map(\.serial), expected.outbound.map(\.serial))
        if came != wanted { return "the messages are \(self.list(came)) instead of \(self.list(wanted))" }
        if found.inbound != expected.inbound {
            let (came, wanted) = (found.inbound.sorted(), expected.inbound.sorted())
            return "the received packet identifiers are \(self.list(came)) instead of \(self.list(wanted))"
        }
        for (record, right) in zip(found.outbound, expected.outbound) {
            if let words = self.difference(record, from: right) { return "message \(right.serial): \(words)" }
        }
        return nil
    }

    private static func difference(_ found: OutboundRecord, from expected: OutboundRecord) -> String? {
        func words(_ id: UInt16?) -> String { id.map { "\($0)" } ?? "none" }
        if found.packetID != expected.packetID {
            return "the packet identifier is \(words(found.packetID)) instead of \(words(expected.packetID))"
        }
        if found.phase != expected.phase { return "the phase is \(found.phase) instead of \(expected.phase)" }
        guard expected.phase == .publishing, found.message != expected.message else { return nil }
        guard let message = found.message, let right = expected.message else { return "the message is missing" }
        if message.topic != right.topic { return "the topic is \(message.topic) instead of \(right.topic)" }
        if message.payload != right.payload {
            return "the payload is \(message.payload.words) instead of \(right.payload.words)"
        }
        if message.qos != right.qos { return "the QoS is \(message.qos.rawValue) instead of \(right.qos.rawValue)" }
        if message.retain != right.retain { return "the retain flag is \(message.retain) instead of \(right.retain)" }
        return "the properties are \(Array(message.properties)) instead of \(Array(right.properties))"
    }

    private static func list<Number: BinaryInteger>(_ numbers: [Number]) -> String {
        let shown = numbers.prefix(8).map { "\($0)" } + (numbers.count > 8 ? ["... (\(numbers.count))"] : [])
        return numbers.isEmpty ? "none" : shown.joined(separator: ", ")
    }
}
