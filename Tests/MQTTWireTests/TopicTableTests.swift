// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import MQTTWire

@Suite struct TopicTableTests {
    /// A topic and its number, which the table says again.
    private func number(_ topic: String, _ topics: inout TopicInterner) throws(DecodingError) -> UInt16 {
        let bytes = ByteBuffer(string: topic)
        // Through a Result: a closure's own throws would lose its type.
        let number = try bytes.withUnsafeReadableBytes { pointer in
            Result { () throws(DecodingError) in try topics.number(of: pointer) }
        }.get()
        #expect(topics.table[number] == String(buffer: bytes))
        return number
    }

    /// Decodes messages with these topics, in one buffer; each payload is the topic's place.
    private func bursts(_ topics: [String], _ decoder: inout PacketDecoder) throws -> [PacketBurst] {
        var input = ByteBuffer()
        for (index, topic) in topics.enumerated() {
            let payload = ByteBuffer(integer: UInt32(index))
            input.writeImmutableBuffer(try encode(.publish(Publish(topic: topic, payload: payload)), .v311))
        }
        var bursts: [PacketBurst] = []
        try decoder.decode(input, into: &bursts)
        return bursts
    }

    private func topics(of bursts: [PacketBurst]) -> [String] {
        bursts.flatMap { burst in burst.entries.map { burst.topics[$0.topic] } }
    }

    @Test func `the same topic has the same number as long as the table is the same`() throws {
        var topics = TopicInterner()
        var random = MutationTests.Generator(state: 1)
        var known: [String: UInt16] = [:]
        var generation = topics.generation
        var changes = 0
        for _ in 0..<20_000 {
            let topic = "t/\(Int.random(in: 0..<3_000, using: &random))"
            let number = try self.number(topic, &topics)
            if topics.generation != generation {
                generation = topics.generation
                changes += 1
                known = [:]
            }
            if let before = known[topic] { #expect(number == before) }
            known[topic] = number
        }
        // All topics fit into the largest table: once it is there nothing changes any more.
        #expect(known.count > 2_900)
        #expect(Set(known.values).count == known.count)
        #expect(changes <= 6)
    }

    @Test func `more topics than a table takes begin the next one`() throws {
        var topics = TopicInterner()
        var tables: [TopicTable] = []
        var numbers: [(TopicTable, UInt16, String)] = []
        for index in 0..<80_000 {
            let topic = "topic/\(index)"
            let number = try self.number(topic, &topics)
            #expect(number < 16_384)
            if tables.last !== topics.table { tables.append(topics.table) }
            numbers.append((topics.table, number, topic))
        }
        #expect(tables.count > 4)
        // Tables that are gone for the decoder keep their names.
        for (table, number, topic) in numbers where table[number] != topic {
            Issue.record("\(topic) became \(table[number])")
        }
    }

    @Test func `a table holds no more bytes than it may, and the longest topics pass`() throws {
        var topics = TopicInterner()
        var generation = topics.generation
        var known: Set<String> = []
        var changes = 0
        for index in 0..<120 {
            let length = [65_535, 65_534, 40_000, 1, 0][index % 5]
            let head = "\(index)/"
            let tail = max(0, length - head.utf8.count)
            let topic =
                String(head.prefix(length)) + String(repeating: "é", count: tail / 2)
                + String(repeating: "e", count: tail % 2)
            try #require(topic.utf8.count == length)
            _ = try self.number(topic, &topics)
            if topics.generation != generation {
                generation = topics.generation
                known = []
                changes += 1
            }
            known.insert(topic)
            #expect(known.reduce(0) { $0 + $1.utf8.count } <= 524_288)
        }
        #expect(changes >= 8)
    }

    @Test func `a burst whose topics need a new table is split, in order`() throws {
        var decoder = PacketDecoder(version: .v311, role: .client)
        var topics = (0..<9_000).map { "a/\($0)" }
        topics += (0..<1_000).map { "a/\($0)" }
        let bursts = try self.bursts(topics, &decoder)
        #expect(bursts.count > 4)
        #expect(self.topics(of: bursts) == topics)
        var places: [UInt32] = []
        for burst in bursts {
            #expect(!burst.entries.isEmpty)
            for entry in burst.entries {
                var payload = entry.payload(in: burst.buffer)
                let place: UInt32? = payload.readInteger()
                places.append(try #require(place))
            }
        }
        #expect(places == (0..<10_000).map { UInt32($0) })
    }

    @Test func `packets of other kinds keep their place in a burst that is split`() throws {
        var input = ByteBuffer()
        var packets: [Packet] = []
        for index in 0..<2_000 {
            packets.append(.publish(Publish(topic: "b/\(index)", payload: wire("00"))))
            if index % 3 == 0 { packets.append(.pubAck(Acknowledgement(packetID: id(UInt16(index + 1))))) }
            if index % 7 == 0 { packets.append(.pingResponse) }
            if index % 5 == 0 {
                let reason = Properties([.reasonString("\(index)")])
                packets.append(.pubRec(Acknowledgement(packetID: .first, properties: reason)))
            }
            if index % 11 == 0 { packets.append(.subAck(SubAck(packetID: id(UInt16(index + 1)), reasons: [.success]))) }
        }
        for packet in packets { input.writeImmutableBuffer(try encode(packet, .v5)) }
        var decoder = PacketDecoder(version: .v5, role: .client)
        var bursts: [PacketBurst] = []
        try decoder.decode(input, into: &bursts)
        #expect(bursts.count > 2)
        #expect(bursts.flatMap { burst in burst.entries.map { burst.packet(of: $0) } } == packets)
    }

    @Test func `messages keep their topics after the decoder has moved on and was dropped`() throws {
        var kept: [(PacketBurst, [String])] = []
        do {
            var decoder = PacketDecoder(version: .v311, role: .client)
            for round in 0..<40 {
                let topics = (0..<500).map { "r/\(round)/\($0)" }
                let bursts = try self.bursts(topics, &decoder)
                var rest = topics[...]
                for burst in bursts {
                    kept.append((burst, Array(rest.prefix(burst.entries.count))))
                    rest = rest.dropFirst(burst.entries.count)
                }
            }
        }
        #expect(Set(kept.map { ObjectIdentifier($0.0.topics) }).count > 4)
        for (burst, topics) in kept { #expect(self.topics(of: [burst]) == topics) }
    }

    @Test func `an empty topic has a number like any other`() throws {
        var decoder = PacketDecoder(version: .v5, role: .client)
        var input = ByteBuffer()
        var expected: [String] = []
        for index in 0..<300 {
            let isEmpty = index % 3 == 0
            let properties: Properties = isEmpty ? [.topicAlias(1)] : []
            expected.append(isEmpty ? "" : "e/\(index)")
            let publish = Publish(topic: expected[index], payload: wire(""), properties: properties)
            input.writeImmutableBuffer(try encode(.publish(publish), .v5))
        }
        var bursts: [PacketBurst] = []
        try decoder.decode(input, into: &bursts)
        #expect(self.topics(of: bursts) == expected)
    }

    @Test(arguments: ["61 00 62", "61 2F 23", "2B", "61 FF", "ED A0 80", "C3", "31 32 33 34 35 36 37 23"])
    func `a bad topic behind good ones is refused, and the good ones stay`(bytes: String) throws {
        let good = (0..<100).map { "g/\($0)" }
        var input = ByteBuffer()
        for topic in good {
            input.writeImmutableBuffer(try encode(.publish(Publish(topic: topic, payload: wire(""))), .v311))
        }
        input.writeImmutableBuffer(frame(0x30, field(Array(wire(bytes).readableBytesView)), wire("00")))
        input.writeImmutableBuffer(try encode(.publish(Publish(topic: "behind", payload: wire(""))), .v311))
        var decoder = PacketDecoder(version: .v311, role: .client)
        var bursts: [PacketBurst] = []
        #expect(throws: DecodingError.self) { try decoder.decode(input, into: &bursts) }
        #expect(self.topics(of: bursts) == good)
        #expect(throws: DecodingError.self) { try decoder.decode(input, into: &bursts) }
        #expect(self.topics(of: bursts) == good)

        // By the interner itself: it goes on as if nothing had been.
        var topics = TopicInterner()
        _ = try self.number("g", &topics)
        #expect(throws: DecodingError.self) {
            try wire(bytes).withUnsafeReadableBytes { _ = try topics.number(of: $0) }
        }
        #expect(try self.number("h", &topics) == 1)
        #expect(try self.number("g", &topics) == 0)
    }
}
