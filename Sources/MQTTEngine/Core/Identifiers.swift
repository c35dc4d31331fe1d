// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// What a request of the user is known by until it ends; continuations live outside the engine.
package struct OperationID: Hashable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// A subscription of the user; the number is a slot that is used again after the subscription ended.
package struct SubscriptionID: Hashable, Sendable {
    package let rawValue: UInt32
    package init(_ rawValue: UInt32) { self.rawValue = rawValue }
}

/// The place of a change in the order of the store; confirming one confirms all before it.
package struct Ticket: Hashable, Comparable, Sendable {
    package let rawValue: UInt64
    package init(_ rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (left: Ticket, right: Ticket) -> Bool { left.rawValue < right.rawValue }
    /// Before every change.
    package static let none = Ticket(0)
}
