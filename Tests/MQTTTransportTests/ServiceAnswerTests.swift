// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MosquittoFixture
import Testing

@testable import MQTTTransport

/// What a name server says about a service, read from its bytes.
@Suite struct ServiceAnswerTests {
    private static let name = "_mqtt._tcp.example.test"
    private static let question = DNSMessage.question(name)
    private static let two: [UInt8] =
        DNSMessage.record(.init(priority: 1, weight: 2, port: 1883, target: "a.example.test."))
        + DNSMessage.record(.init(priority: 3, weight: 4, port: 1884, target: "B.example.test"))

    private static func answer(_ records: [UInt8], _ count: UInt16) throws(ServiceAnswer.Malformed) -> ServiceAnswer {
        try ServiceAnswer(DNSMessage.message(question: question, records: records, count: count), to: name)
    }

    @Test func `the records of the name are read, their targets without the final dot`() throws {
        let records = [
            ServiceRecord(priority: 1, weight: 2, port: 1883, target: "a.example.test"),
            ServiceRecord(priority: 3, weight: 4, port: 1884, target: "b.example.test"),
        ]
        #expect(try Self.answer(Self.two, 2) == .records(records))
        let bytes = DNSMessage.message(question: Self.question, records: Self.two, count: 2)
        #expect(try ServiceAnswer(bytes, to: "_MQTT._tcp.Example.test") == .records(records))
    }

    @Test func `names may point to others before them`() throws {
        // The question's "example.test" is at byte 12 + 6 + 5.
        let data: [UInt8] = [0, 0, 0, 0, 0, 80, 1, 0x61, 0xC0, 23]
        let expected = ServiceRecord(priority: 0, weight: 0, port: 80, target: "a.example.test")
        #expect(try Self.answer(DNSMessage.record(type: 33, data), 1) == .records([expected]))
    }

    @Test func `aliases are followed, and records of other names, types and classes passed over`() throws {
        let other = DNSMessage.encoded("other.test")
        var chaos = DNSMessage.record(.init(port: 9, target: "chaos"))
        chaos[5] = 3
        let records =
            DNSMessage.record(owner: DNSMessage.encoded("x.test"), .init(port: 8, target: "x"))
            + DNSMessage.record(type: 5, other) + DNSMessage.record(type: 16, [1, 0x61]) + chaos
            + DNSMessage.record(owner: other, .init(port: 1, target: "right"))
        let expected = ServiceRecord(priority: 0, weight: 0, port: 1, target: "right")
        #expect(try Self.answer(records, 5) == .records([expected]))
    }

    @Test func `aliases that lead in a circle end`() throws {
        #expect(try Self.answer(DNSMessage.record(type: 5, [0xC0, 12]), 1) == .records([]))
    }

    @Test(arguments: [
        ("port 0", DNSMessage.record(.init(port: 0, target: "a"))),
        ("a space", DNSMessage.record(.init(port: 1, target: "a b"))),
        ("a zero byte", DNSMessage.record(.init(port: 1, target: "a\u{0}b"))),
        ("a slash", DNSMessage.record(.init(port: 1, target: "a/b"))),
        ("other letters", DNSMessage.record(.init(port: 1, target: "é"))),
        ("a dot in a label", DNSMessage.record(type: 33, [0, 0, 0, 0, 0, 1, 3, 0x61, 0x2E, 0x62, 0])),
    ])
    func `a record nobody could connect by is passed over`(what: String, record: [UInt8]) throws {
        let good = DNSMessage.record(.init(port: 1, target: "good"))
        let expected = ServiceRecord(priority: 0, weight: 0, port: 1, target: "good")
        #expect(try Self.answer(record + good, 2) == .records([expected]), "\(what)")
    }

    @Test func `the root as the target says that there is no such service`() throws {
        let none = ServiceRecord(priority: 0, weight: 0, port: 0, target: "")
        #expect(try Self.answer(DNSMessage.record(.init(port: 0, target: "")), 1) == .records([none]))
    }

    @Test func `response codes are told apart`() throws {
        for (code, expected) in [(3, ServiceAnswer.noSuchName), (2, .failure(code: 2)), (5, .failure(code: 5))] {
            let bytes = DNSMessage.message(flags: 0x8180 | UInt16(code), question: Self.question)
            #expect(try ServiceAnswer(bytes, to: Self.name) == expected)
        }
    }

    @Test(
        arguments: [
            ("nothing", [], "ends too early"),
            ("a question", DNSMessage.message(flags: 0x0100, question: question), "a question"),
            ("cut off", DNSMessage.message(flags: 0x8380, question: question), "cut off"),
            ("no question", [0, 1, 0x81, 0x80] + [UInt8](repeating: 0, count: 8), "0 questions"),
            (
                "another name", DNSMessage.message(question: DNSMessage.question("_mqtt._tcp.e.test")),
                "another question"
            ),
            (
                "more records than bytes", DNSMessage.message(question: question, records: two, count: 3),
                "ends too early"
            ),
            ("a name that points to itself", Self.pointing(to: [0xC0, 12 + 29]), "points to itself"),
            ("a name that points ahead", Self.pointing(to: [0xC0, 200]), "points to itself"),
            ("two that point to each other", Self.pointing(to: [1, 0x61, 0xC0, 41]), "points to itself"),
            ("a pointer cut off", Self.pointing(to: [0xC0]), "ends too early"),
            ("a label of a kind that is none", Self.pointing(to: [0x80, 0]), "unknown kind"),
            ("a label that is cut off", Self.pointing(to: [9, 1]), "ends too early"),
            ("a target beyond its record", Self.targetBeyondRecord, "wrong length"),
            ("a target shorter than its record", Self.targetShort, "wrong length"),
            ("a name of 256 bytes", Self.longName, "longer than 255"),
        ] as [(String, [UInt8], String)]
    )
    func `bytes that are no answer are refused`(what: String, bytes: [UInt8], why: String) {
        let error = #expect(throws: ServiceAnswer.Malformed.self) { try ServiceAnswer(bytes, to: Self.name) }
        #expect(error?.reason.contains(why) == true, "\(what): \(error?.reason ?? "")")
    }

    /// A message whose first record begins, at byte 41, with these bytes as its owner.
    private static func pointing(to owner: [UInt8]) -> [UInt8] {
        DNSMessage.message(question: self.question, records: owner, count: 1)
    }

    private static let targetBeyondRecord: [UInt8] = {
        var record = DNSMessage.record(.init(port: 1, target: "abc"))
        record[11] -= 1
        return DNSMessage.message(question: question, records: record, count: 1)
    }()

    private static let targetShort: [UInt8] = {
        var record = DNSMessage.record(.init(port: 1, target: "abc"))
        record[11] += 1
        return DNSMessage.message(question: question, records: record + [0], count: 1)
    }()

    private static let longName: [UInt8] = {
        let label = [UInt8](repeating: 0x61, count: 63)
        let name: [UInt8] = [63] + label + [63] + label + [63] + label + [63] + label + [0]
        return DNSMessage.message(question: question, records: DNSMessage.record(owner: name, type: 1, []), count: 1)
    }()

    @Test func `a name in thousands of pieces is refused`() {
        // Each pointer leads to the one before it.
        var data: [UInt8] = [0]
        for index in 0..<3_000 {
            let target = index == 0 ? 53 : 54 + 2 * (index - 1)
            data += [0xC0 | UInt8(target >> 8), UInt8(target & 0xFF)]
        }
        let chain = DNSMessage.record(type: 16, data)
        let last = 54 + 2 * 2_999
        let owner = [0xC0 | UInt8(last >> 8), UInt8(last & 0xFF)]
        let records = chain + DNSMessage.record(owner: owner, type: 1, [])
        let error = #expect(throws: ServiceAnswer.Malformed.self) { try Self.answer(records, 2) }
        #expect(error?.reason == "a name is in too many pieces")
    }

    @Test func `no change of bytes traps, whatever is read`() {
        let whole = DNSMessage.message(question: Self.question, records: Self.two, count: 2)
        for length in 0..<whole.count {
            #expect(throws: ServiceAnswer.Malformed.self) { try ServiceAnswer(Array(whole[..<length]), to: Self.name) }
        }
        var generator = SeededGenerator(state: 7)
        for position in whole.indices {
            for value in [0, 1, 0x3F, 0x40, 0x80, 0xC0, 0xFF, UInt8.random(in: 0...255, using: &generator)] {
                var changed = whole
                changed[position] = value
                _ = try? ServiceAnswer(changed, to: Self.name)
            }
        }
        for _ in 0..<20_000 {
            var changed = whole
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                changed[Int.random(in: 2..<changed.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            _ = try? ServiceAnswer(changed, to: Self.name)
        }
    }
}

/// Numbers that are the same in each run (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
