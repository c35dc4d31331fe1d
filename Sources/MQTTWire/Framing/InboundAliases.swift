// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The topics for which the peer uses numbers on one connection (MQTT 5.0, 3.3.2.3.4).
///
/// An alias stands for a name, not for a place in a table of topics: tables change while a connection lasts.
struct InboundAliases: Sendable {
    private struct Entry {
        /// Empty while the alias stands for nothing.
        var name: [UInt8] = []
        /// The number of the name in the table of this generation.
        var number: UInt16 = 0
        var generation: UInt64 = 0
    }

    /// The highest alias the peer was allowed.
    private let maximum: UInt16
    /// The entry of alias 1 first; grows to the highest alias that came.
    private var entries: [Entry] = []

    init(maximum: UInt16) { self.maximum = maximum }

    /// From now on an alias stands for the topic with this number.
    mutating func map(
        _ alias: UInt16,
        to topic: UnsafeRawBufferPointer,
        number: UInt16,
        generation: UInt64
    ) throws(DecodingError) {
        let index = try self.index(of: alias)
        while self.entries.count <= index { self.entries.append(Entry()) }
        let isKnown = self.entries[index].name.withUnsafeBytes { TopicBytes.areEqual($0, topic) }
        if !isKnown { self.entries[index].name = Array(topic) }
        self.entries[index].number = number
        self.entries[index].generation = generation
    }

    /// The number of the topic that an alias stands for, in the table that the interner has afterwards.
    mutating func number(of alias: UInt16, in topics: inout TopicInterner) throws(DecodingError) -> UInt16 {
        let index = try self.index(of: alias)
        guard index < self.entries.count, !self.entries[index].name.isEmpty else {
            // MQTT 5.0, 3.3.4.
            throw DecodingError(.protocolError, "A topic alias stands for no topic yet")
        }
        guard self.entries[index].generation != topics.generation else { return self.entries[index].number }
        let found = self.entries[index].name.withUnsafeBytes { name in
            Result { () throws(DecodingError) in try topics.number(of: name) }
        }
        let number = try found.get()
        self.entries[index].number = number
        self.entries[index].generation = topics.generation
        return number
    }

    private func index(of alias: UInt16) throws(DecodingError) -> Int {
        // MQTT 5.0, 3.3.4; 0 is refused where properties are read.
        guard 0 < alias, alias <= self.maximum else {
            throw DecodingError(.topicAliasInvalid, "A topic alias is higher than the maximum")
        }
        return Int(alias) - 1
    }
}
