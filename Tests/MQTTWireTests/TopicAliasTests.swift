// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import NIOCore
import Testing

/// What a client's decoder makes of topic aliases.
@Suite struct TopicAliasTests {
    /// A decoder of one connection, and the topics and errors that came out of it.
    private struct Reader: ~Copyable {
        var decoder: PacketDecoder
        var bursts: [PacketBurst] = []

        init(maximum: UInt16?, role: PacketDecoder.Role = .client) {
            self.decoder = PacketDecoder(version: .v5, role: role, topicAliasMaximum: maximum)
        }

        /// The topics of what some bytes bring.
        mutating func topics(_ bytes: ByteBuffer) throws(DecodingError) -> [String] {
            self.bursts = []
            try self.decoder.decode(bytes, into: &self.bursts)
            return self.bursts.flatMap { burst in burst.entries.map { burst.topics[$0.topic] } }
        }

        mutating func reason(_ bytes: ByteBuffer) -> ReasonCode? {
            do throws(DecodingError) {
                _ = try self.topics(bytes)
                return nil
            } catch {
                return error.reason
            }
        }
    }

    /// A PUBLISH with a topic, which may be empty, and an alias, where 0 is none.
    private static func message(_ topic: String, _ alias: UInt16, _ more: Properties = []) -> ByteBuffer {
        let properties = Properties((alias > 0 ? [.topicAlias(alias)] : []) + more)
        do { return try encode(.publish(Publish(topic: topic, properties: properties)), .v5) } catch {
            preconditionFailure("The test's own message cannot be sent: \(error)")
        }
    }

    private static func messages(_ list: [(topic: String, alias: UInt16)]) -> ByteBuffer {
        var bytes = ByteBuffer()
        for item in list { bytes.writeImmutableBuffer(Self.message(item.topic, item.alias)) }
        return bytes
    }

    @Test(.receives("5:MQTT-3.3.2-10", "U5-3.3.2.3.4-1"))
    func `an alias stands for the last topic that came with it, in one read or many`() throws {
        let input = Self.messages([
            ("a", 1), ("", 1), ("b", 2), ("", 1), ("", 2), ("plain", 0), ("c", 1), ("", 1), ("", 2), ("a", 2), ("", 2),
            ("", 1), ("é", 1), ("e\u{301}", 2), ("", 1), ("", 2),
        ])
        let wanted = [
            "a", "a", "b", "a", "b", "plain", "c", "c", "b", "a", "a", "c", "é", "e\u{301}", "é", "e\u{301}",
        ]
        var reader = Reader(maximum: 2)
        #expect(try reader.topics(input).map { Array($0.utf8) } == wanted.map { Array($0.utf8) })

        var bytewise = Reader(maximum: 2)
        var topics: [String] = []
        for byte in input.readableBytesView { topics += try bytewise.topics(ByteBuffer(bytes: [byte])) }
        #expect(topics.map { Array($0.utf8) } == wanted.map { Array($0.utf8) })
    }

    @Test(
        .receives("5:MQTT-3.3.2-10", "5:MQTT-3.1.2-26", "5:MQTT-3.3.2-11", "U5-3.3.4-1"),
        arguments: [1, 2, 64, 255, 256, 65_534, 65_535] as [UInt16]
    )
    func `every alias up to the maximum is taken, and none above`(maximum: UInt16) throws {
        var reader = Reader(maximum: maximum)
        let step = max(1, maximum / 200)
        var aliases = Array(stride(from: maximum, to: 0, by: -Int(step)))
        aliases += [1, maximum]
        for alias in aliases { #expect(try reader.topics(Self.message("t/\(alias)", alias)) == ["t/\(alias)"]) }
        for alias in aliases { #expect(try reader.topics(Self.message("", alias)) == ["t/\(alias)"]) }
        guard maximum < .max else { return }
        for topic in ["", "t"] {
            for alias in [maximum + 1, .max] {
                var reader = Reader(maximum: maximum)
                #expect(reader.reason(Self.message(topic, alias)) == .topicAliasInvalid)
                #expect(
                    reader.reason(Self.message("t", 1)) == .topicAliasInvalid,
                    "a decoder that failed goes on failing"
                )
            }
        }
    }

    @Test(.receives("5:MQTT-3.1.2-27", "U5-3.3.4-1"), arguments: ["", "t"])
    func `where none is allowed every alias is refused`(topic: String) {
        for alias in [1, 2, 65_535] as [UInt16] {
            var reader = Reader(maximum: 0)
            #expect(reader.reason(Self.message(topic, alias)) == .topicAliasInvalid)
        }
    }

    @Test(.receives("5:MQTT-3.3.2-8", "U5-3.3.4-1"), arguments: ["0000", "0001 't'"])
    func `alias 0 is refused`(topic: String) {
        var reader = Reader(maximum: .max)
        #expect(reader.reason(frame(0x30, "\(topic) 03 230000")) == .topicAliasInvalid)
    }

    @Test(.receives("U5-3.3.4-2", "U5-3.3.2.1-1", "5:MQTT-4.7.3-1"))
    func `an empty topic needs an alias that stands for one`() throws {
        for alias in [0, 1, 3, 4, 64] as [UInt16] {
            var reader = Reader(maximum: 64)
            #expect(try reader.topics(Self.message("t", 2)) == ["t"])
            let bytes = alias > 0 ? Self.message("", alias) : frame(0x30, "0000 00")
            #expect(reader.reason(bytes) == .protocolError, "alias \(alias)")
        }
    }

    @Test(.receives("5:MQTT-3.3.2-7"))
    func `the aliases of one connection mean nothing on the next`() throws {
        var reader = Reader(maximum: 5)
        #expect(try reader.topics(Self.messages([("t", 1), ("", 1)])) == ["t", "t"])
        reader = Reader(maximum: 5)
        #expect(reader.reason(Self.message("", 1)) == .protocolError)
    }

    @Test func `a topic that is refused does not become what an alias stands for`() throws {
        for bad in ["0001 '#'", "0001 FF", "0001 00"] {
            var reader = Reader(maximum: 5)
            #expect(try reader.topics(Self.message("t", 1)) == ["t"])
            #expect(reader.reason(frame(0x30, "\(bad) 03 230001")) != nil)
        }
    }

    @Test func `other properties, QoS and payload are as they came`() throws {
        var reader = Reader(maximum: 5)
        let others: Properties = [.contentType("x"), .userProperty(name: "a", value: "b"), .subscriptionIdentifier(7)]
        #expect(try reader.topics(Self.message("t", 5, others)) == ["t"])
        let publish = Publish(
            topic: "",
            payload: wire("AABB"),
            qos: .exactlyOnce,
            retain: true,
            duplicate: true,
            packetID: id(9),
            properties: [.contentType("y"), .topicAlias(5), .subscriptionIdentifier(8)]
        )
        #expect(try reader.topics(try encode(.publish(publish), .v5)) == ["t"])
        var resolved = publish
        resolved.topic = "t"
        let burst = try #require(reader.bursts.first)
        #expect(burst.packet(of: burst.entries[0]) == .publish(resolved))
        #expect(burst.entries[0].hasSubscriptionIdentifiers)
    }

    @Test func `aliases outlive the tables of topics`() throws {
        var reader = Reader(maximum: 3)
        #expect(try reader.topics(Self.messages([("first", 1), ("second", 2)])) == ["first", "second"])
        var tables: Set<ObjectIdentifier> = []
        var kept: [(PacketBurst, [String])] = []
        // Three times as many topics as the largest table takes, with aliased messages among them.
        for round in 0..<500 {
            var list: [(topic: String, alias: UInt16)] = []
            for index in 0..<100 { list.append(("r/\(round)/\(index)", 0)) }
            list.insert(("", 1), at: 0)
            list.insert(("", 2), at: 50)
            if round % 7 == 0 { list.insert(("third/\(round)", 3), at: 60) }
            list.append(("", 3))
            var wanted = list.map(\.topic)
            wanted[0] = "first"
            wanted[50] = "second"
            wanted[wanted.count - 1] = "third/\(round / 7 * 7)"
            #expect(try reader.topics(Self.messages(list)) == wanted)
            for burst in reader.bursts { tables.insert(ObjectIdentifier(burst.topics)) }
            // Messages keep the table they were read with.
            if round % 50 == 0, let burst = reader.bursts.last {
                kept.append((burst, Array(wanted.suffix(burst.entries.count))))
            }
        }
        #expect(tables.count > 3)
        for (burst, topics) in kept { #expect(burst.entries.map { burst.topics[$0.topic] } == topics) }
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `whatever comes, in whatever pieces, is what a dictionary says`(seed: UInt64) throws {
        var random = MutationTests.Generator(state: seed)
        let maximum: UInt16 = [1, 2, 10, 64, 1_000, .max].randomElement(using: &random) ?? 1
        let span = min(Int(maximum), 100)
        var known: [UInt16: String] = [:]
        var reader = Reader(maximum: maximum)
        for _ in 0..<100 {
            var list: [(topic: String, alias: UInt16)] = []
            var wanted: [String] = []
            for _ in 0..<Int.random(in: 1...300, using: &random) {
                let alias = UInt16(truncatingIfNeeded: Int.random(in: 1...span, using: &random))
                let topic = "seed/\(Int.random(in: 0..<9_000, using: &random))"
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    list.append((topic, 0))
                    wanted.append(topic)
                case 1:
                    known[alias] = topic
                    list.append((topic, alias))
                    wanted.append(topic)
                default:
                    guard let topic = known[alias] else { continue }
                    list.append(("", alias))
                    wanted.append(topic)
                }
            }
            var rest = Self.messages(list)
            var topics: [String] = []
            while rest.readableBytes > 0 {
                let length = min(rest.readableBytes, Int.random(in: 1...4_000, using: &random))
                if let piece = rest.readSlice(length: length) { topics += try reader.topics(piece) }
            }
            #expect(topics == wanted)
        }
        let unknown = (1...maximum).first { known[$0] == nil }
        if let unknown { #expect(reader.reason(Self.message("", unknown)) == .protocolError) }
    }

    @Test(arguments: [PacketDecoder.Role.client, .server])
    func `without a maximum aliases are left to whoever reads the packets`(role: PacketDecoder.Role) throws {
        var reader = Reader(maximum: nil, role: role)
        let input = Self.messages([("", 7), ("t", 7), ("", 7), ("", .max)])
        #expect(try reader.topics(input) == ["", "t", "", ""])
        let burst = try #require(reader.bursts.first)
        #expect(burst.entries.map { burst.properties(of: $0).topicAlias } == [7, 7, 7, .max])
    }

    @Test func `a server's decoder resolves them as well when it is told a maximum`() throws {
        var reader = Reader(maximum: 7, role: .server)
        #expect(try reader.topics(Self.messages([("t", 7), ("", 7)])) == ["t", "t"])
        #expect(reader.reason(Self.message("t", 8)) == .topicAliasInvalid)
    }
}
