// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MQTTTestKit
import Testing

/// The rules for session stores, on one that keeps them and on stores that each break one.
@Suite(.timeLimit(.minutes(5)))
struct SessionStoreConformanceTests {
    typealias Rule = SessionStoreConformance.Rule

    @Test func `the store in memory keeps every rule`() async throws {
        let store = InMemorySessionStore()
        try await SessionStoreConformance.check { store }
        #expect(try await SessionStoreConformance.violations { store }.isEmpty)
    }

    @Test func `a store that opens empty breaks the rule of reopening`() async throws {
        let violations = try await SessionStoreConformance.violations { InMemorySessionStore() }
        #expect(violations.contains { $0.rule == .keptAfterReopening })
        #expect(!violations.contains { $0.rule == .emptyAtFirst })
    }

    @Test(arguments: BrokenStore.Defect.allCases)
    func `each rule catches a store that breaks it`(_ defect: BrokenStore.Defect) async throws {
        let store = BrokenStore(defect)
        let error = await #expect(throws: SessionStoreConformance.Violation.self) {
            try await SessionStoreConformance.check([defect.rule]) { store.reopened() }
        }
        let violation = try #require(error)
        #expect(violation.rule == defect.rule)
        #expect(violation.description.hasPrefix("rule \(defect.rule.rawValue): "))
        #expect(violation.message.contains(defect.words), "\(violation)")
    }

    @Test func `there is a broken store for every rule, and numbers do not change`() {
        #expect(Set(BrokenStore.Defect.allCases.map(\.rule)) == Set(Rule.allCases))
        #expect(Rule.allCases.map(\.rawValue) == Array(1...12))
        #expect("\(Rule.allOrNothing)" == "rule 4: a batch is kept whole or not at all")
    }

    @Test func `a store that throws breaks the rule, and what opening throws is passed on`() async throws {
        struct Full: Error {}
        struct FullStore: SessionStore {
            func load(clientID: String) async throws -> SessionRecord { SessionRecord() }
            func apply(_ changes: [StoreChange], clientID: String) async throws { throw Full() }
        }
        let violation = await #expect(throws: SessionStoreConformance.Violation.self) {
            try await SessionStoreConformance.check { FullStore() }
        }
        #expect(violation?.message.contains("the store threw: Full()") == true)
        await #expect(throws: Full.self) { try await SessionStoreConformance.check { throw Full() } }
    }
}
