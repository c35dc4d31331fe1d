// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import NIOCore

/// What is under way in one direction of a connection, in order, some of it late.
struct Lane<Element> {
    private var elements = Deque<(due: NIODeadline, element: Element)>()
    private var latest = NIODeadline.distantPast

    var isEmpty: Bool { self.elements.isEmpty }

    var count: Int { self.elements.count }

    /// When the first one is due.
    var nextDue: NIODeadline? { self.elements.first?.due }

    /// Whether what comes now needs not wait.
    func isFree(now: NIODeadline) -> Bool { self.elements.isEmpty && self.latest <= now }

    /// Everything appended from now on is due at that time at the earliest.
    mutating func wait(until deadline: NIODeadline) { self.latest = max(self.latest, deadline) }

    mutating func append(_ element: Element) { self.elements.append((self.latest, element)) }

    /// The first one, if it is due.
    mutating func next(now: NIODeadline) -> Element? {
        guard let first = self.elements.first, first.due <= now else { return nil }
        return self.elements.removeFirst().element
    }

    mutating func removeAll() { self.elements.removeAll() }
}
