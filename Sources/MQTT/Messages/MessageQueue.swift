// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule

/// Messages of a subscription that nobody has taken yet, oldest first, in the runs they came in.
struct MessageQueue {
    private struct Piece {
        var run: MessageRun
        var next: Int
        var end: Int
    }

    private var first: Piece?
    private var others: Deque<Piece> = []
    private(set) var count = 0

    var isEmpty: Bool { self.count == 0 }

    /// Appends the messages of a run from one number up to another.
    mutating func append(_ run: MessageRun, _ range: Range<Int>) {
        guard !range.isEmpty else { return }
        self.count += range.count
        let piece = Piece(run: run, next: range.lowerBound, end: range.upperBound)
        if self.first == nil {
            self.first = piece
        } else if let last = self.others.last, last.run === run, last.end == range.lowerBound {
            self.others[self.others.count - 1].end = range.upperBound
        } else if self.others.isEmpty, self.first?.run === run, self.first?.end == range.lowerBound {
            self.first?.end = range.upperBound
        } else {
            self.others.append(piece)
        }
    }

    /// Takes the oldest message.
    mutating func popFirst() -> (run: MessageRun, index: Int)? {
        guard let index = self.first?.next, let end = self.first?.end else { return nil }
        self.count -= 1
        guard index + 1 == end else {
            self.first?.next = index + 1
            return self.first.map { ($0.run, index) }
        }
        // Moved out: its references are not counted again.
        let last = self.first.take()
        self.first = self.others.popFirst()
        return last.map { ($0.run, index) }
    }

    /// Takes all messages.
    mutating func removeAll() {
        self.first = nil
        self.others.removeAll(keepingCapacity: true)
        self.count = 0
    }

    /// Calls `body` with every message, oldest first, those of a run together.
    @inline(__always)
    func forEachRun(_ body: (MessageRun, Range<Int>) -> Void) {
        guard let first = self.first else { return }
        body(first.run, first.next..<first.end)
        for piece in self.others { body(piece.run, piece.next..<piece.end) }
    }
}
