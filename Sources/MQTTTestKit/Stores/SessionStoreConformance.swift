// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTT

/// What every `SessionStore` has to do, as checks that any of them can run.
///
/// ```swift
/// @Test func `the store keeps what it promises`() async throws {
///     try await SessionStoreConformance.check { try await FileStore(at: path) }
/// }
/// ```
///
/// The closure opens the store, and is called several times for each rule: what it gives must know what was kept through the
/// ones before, as after a restart of the program. It may give the same store each time when that survives nothing. Every
/// rule uses client identifiers of its own, so the store need not be empty; what they kept is removed at the end as far as a
/// store can.
public enum SessionStoreConformance {
    /// A rule; the raw value is its number, which never changes.
    public enum Rule: Int, CaseIterable, Hashable, Sendable, CustomStringConvertible {
        /// A client identifier nothing was kept for has an empty record, and an empty batch changes nothing.
        case emptyAtFirst = 1
        /// What was kept is there after the store was opened anew.
        case keptAfterReopening = 2
        /// Messages come back in ascending order of their serial, and the changes of a batch apply in their order.
        case orderKept = 3
        /// A batch that is interrupted is kept whole or not at all, and whole when ``SessionStore/apply(_:clientID:)`` returns.
        case allOrNothing = 4
        /// What is finished or released is gone and stays gone, and nothing else is.
        case removed = 5
        /// A message keeps the packet identifier it was given, and how far its exchange is.
        case exchangeKept = 6
        /// Received packet identifiers are kept as a set, from 1 to 65,535, until they are released or forgotten.
        case receivedKept = 7
        /// Every field of a message comes back as it was, with the properties of 5.0 in their order, or without any before 5.0.
        case everyField = 8
        /// Messages of megabytes come back whole.
        case largeMessages = 9
        /// Serials from 1 to `Int64.max`, and batches of thousands of changes, are kept.
        case wideRanges = 10
        /// Clients are kept apart, whatever characters their identifiers are made of.
        case clientsApart = 11
        /// Batches of several clients at once lose nothing.
        case concurrentClients = 12

        /// The number and the rule.
        public var description: String { "rule \(self.rawValue): \(self.words)" }

        private var words: String {
            switch self {
            case .emptyAtFirst: "a client nothing was kept for has an empty record"
            case .keptAfterReopening: "what was kept is there after the store was opened anew"
            case .orderKept: "messages and changes keep their order"
            case .allOrNothing: "a batch is kept whole or not at all"
            case .removed: "what is finished is gone, and nothing else is"
            case .exchangeKept: "a message keeps its packet identifier and how far its exchange is"
            case .receivedKept: "received packet identifiers are kept until they are released"
            case .everyField: "every field of a message comes back as it was"
            case .largeMessages: "messages of megabytes come back whole"
            case .wideRanges: "all serials, and batches of thousands of changes, are kept"
            case .clientsApart: "clients are kept apart"
            case .concurrentClients: "batches of several clients at once lose nothing"
            }
        }
    }

    /// A rule that a store has broken.
    public struct Violation: Error, Sendable, CustomStringConvertible {
        /// The rule.
        public let rule: Rule
        /// What was done, what was there then, and what should have been.
        public let message: String

        /// The rule and what was wrong.
        public var description: String { "\(self.rule); \(self.message)" }
    }

    /// Checks a store, and throws at the first rule it breaks.
    ///
    /// - Parameters:
    ///   - rules: The rules to check, in this order; all of them unless told otherwise.
    ///   - open: Opens the store.
    /// - Throws: ``Violation``, also where the store throws; what `open` throws; `CancellationError`.
    public static func check(
        _ rules: [Rule] = Rule.allCases,
        opening open: () async throws -> any SessionStore
    ) async throws {
        for rule in rules { try await Self.check(rule, open) }
    }

    /// Checks all rules, and gives those that a store breaks.
    ///
    /// - Returns: The first violation of each rule that is broken, in their order.
    /// - Throws: What `open` throws; `CancellationError`.
    public static func violations(
        opening open: () async throws -> any SessionStore
    ) async throws -> [Violation] {
        var violations: [Violation] = []
        for rule in Rule.allCases {
            do { try await Self.check(rule, open) } catch let violation as Violation { violations.append(violation) }
        }
        return violations
    }

    private static func check(_ rule: Rule, _ open: () async throws -> any SessionStore) async throws {
        try Task.checkCancellation()
        let number = UInt64.random(in: .min ... .max)
        var probe = StoreProbe(rule: rule, clientID: "testkit-\(String(number, radix: 36))", store: try await open())
        switch rule {
        case .emptyAtFirst: try await probe.checkEmptyAtFirst()
        case .keptAfterReopening: try await probe.checkReopening(open)
        case .orderKept: try await probe.checkOrder(open)
        case .allOrNothing: try await probe.checkInterruptions(open)
        case .removed: try await probe.checkRemoval(open)
        case .exchangeKept: try await probe.checkExchanges(open)
        case .receivedKept: try await probe.checkReceived(open)
        case .everyField: try await probe.checkFields(open)
        case .largeMessages: try await probe.checkLargeMessages(open)
        case .wideRanges: try await probe.checkRanges(open)
        case .clientsApart: try await probe.checkClients(open)
        case .concurrentClients: try await probe.checkConcurrentClients(open)
        }
        try await probe.clear()
    }
}
