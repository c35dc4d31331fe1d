// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Topic names by number, for as long as anybody holds a message that uses one.
// Safe: a name is written once, by the decoder that owns the table, before its number leaves the decoder, and is never written again. Whoever reads a name got its number from that decoder, through a lock or on the same thread. `count` is the decoder's alone.
package final class TopicTable: @unchecked Sendable {
    private let names: UnsafeMutablePointer<String>
    private let capacity: Int
    private var count = 0

    init(capacity: Int) {
        self.capacity = max(1, min(capacity, Int(UInt16.max)))
        self.names = UnsafeMutablePointer<String>.allocate(capacity: self.capacity)
    }

    deinit {
        self.names.deinitialize(count: self.count)
        self.names.deallocate()
    }

    var isFull: Bool { self.count >= self.capacity }

    /// The name with a number that a decoder gave out.
    package subscript(number: UInt16) -> String {
        precondition(Int(number) < self.capacity, "a topic number of another table")
        return self.names[Int(number)]
    }

    /// Adds a name and gives its number; the caller has seen that there is room.
    func append(_ name: String) -> UInt16 {
        precondition(!self.isFull, "the table has no room")
        (self.names + self.count).initialize(to: name)
        defer { self.count += 1 }
        return UInt16(truncatingIfNeeded: self.count)
    }
}
