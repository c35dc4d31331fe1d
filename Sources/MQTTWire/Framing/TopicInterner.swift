// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Gives the same number for the same topic again, without checking its UTF-8 or making a string anew.
///
/// A hit is trusted only after the bytes have been compared; the hash is seeded, as a peer chooses the topics. When a
/// table is full the next one begins empty and may be larger; messages keep the table they were read with. Not copyable:
/// only one decoder may write into a table.
struct TopicInterner: ~Copyable, Sendable {
    private struct Slot {
        var hash: UInt32
        /// One more than the topic's number; 0 where the slot is empty.
        var place: UInt16
    }

    private struct Name {
        var start: Int
        var length: Int
    }

    private(set) var table = TopicTable(capacity: 1)
    /// Changes with every new table.
    private(set) var generation: UInt64 = 0
    private var names: [Name] = []
    /// The bytes of all names of the table, one behind the other.
    private var bytes: [UInt8] = []
    /// Open addressing, half empty at least.
    private var slots: [Slot] = []
    private var capacity = 0
    private var last = 0

    private static let firstCapacity = 8
    private static let largestCapacity = 16_384
    /// Bytes of names a table may hold before the next one begins.
    private static let largestSize = 524_288

    /// The number of the topic name in these bytes: no U+0000, no wildcard (MQTT-3.3.2-1, MQTT-3.3.2-2).
    ///
    /// May be empty. The number is one of ``table``, which may have become another one by this call.
    @inline(__always)
    mutating func number(of topic: UnsafeRawBufferPointer) throws(DecodingError) -> UInt16 {
        if self.last < self.names.count, self.isName(self.last, topic) {
            return UInt16(truncatingIfNeeded: self.last)
        }
        return try self.search(topic)
    }

    private mutating func search(_ topic: UnsafeRawBufferPointer) throws(DecodingError) -> UInt16 {
        let hash = UInt32(truncatingIfNeeded: TopicBytes.hash(of: topic))
        let mask = self.slots.count - 1
        var index = Int(hash) & mask
        while mask > 0, self.slots[index].place > 0 {
            let number = Int(self.slots[index].place) - 1
            if self.slots[index].hash == hash, self.isName(number, topic) {
                self.last = number
                return UInt16(truncatingIfNeeded: number)
            }
            index = (index + 1) & mask
        }
        return try self.add(topic, hash: hash)
    }

    private mutating func add(_ topic: UnsafeRawBufferPointer, hash: UInt32) throws(DecodingError) -> UInt16 {
        let name = try WireString.decodeTopicName(topic)
        if self.names.count >= self.capacity || self.bytes.count + topic.count > Self.largestSize { self.begin() }
        let number = self.table.append(name)
        self.names.append(Name(start: self.bytes.count, length: topic.count))
        self.bytes.append(contentsOf: topic)
        let mask = self.slots.count - 1
        var index = Int(hash) & mask
        while self.slots[index].place > 0 { index = (index + 1) & mask }
        self.slots[index] = Slot(hash: hash, place: number + 1)
        self.last = Int(number)
        return number
    }

    /// Begins the next table.
    private mutating func begin() {
        let wasFull = self.names.count >= self.capacity
        let grown = wasFull ? 4 * self.capacity : self.capacity
        self.capacity = min(max(Self.firstCapacity, grown), Self.largestCapacity)
        self.table = TopicTable(capacity: self.capacity)
        self.generation &+= 1
        self.names.removeAll(keepingCapacity: true)
        self.bytes.removeAll(keepingCapacity: true)
        self.slots = Array(repeating: Slot(hash: 0, place: 0), count: 2 * self.capacity)
        self.last = 0
    }

    @inline(__always)
    private func isName(_ number: Int, _ topic: UnsafeRawBufferPointer) -> Bool {
        let name = self.names[number]
        guard name.length == topic.count else { return false }
        return self.bytes.withUnsafeBytes { bytes in
            TopicBytes.areEqual(UnsafeRawBufferPointer(rebasing: bytes[name.start..<name.start + name.length]), topic)
        }
    }
}
