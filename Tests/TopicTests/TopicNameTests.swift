// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import Testing

@Suite struct TopicNameTests {
    @Test(arguments: [
        "a", "/", "//", "/finance", "sport/tennis/player1", "Accounts payable", "$SYS/broker", "a/$b", "a/b$c/$", " ",
        "\u{FEFF}", "\u{1}", "temperature/°C", "🌡️/1", String(repeating: "x", count: 65_535),
        String(repeating: "/", count: 65_535),
    ])
    func `a topic that may be published to is accepted`(topic: String) throws {
        try TopicName.check(topic)
    }

    @Test(arguments: [
        ("", "empty"),
        ("#", "wildcard"), ("+", "wildcard"), ("a/#", "wildcard"), ("a/+/b", "wildcard"), ("a+", "wildcard"),
        ("sport#tennis", "wildcard"),
        ("\u{0}", "U+0000"), ("a/\u{0}/b", "U+0000"), ("a\u{0}#", "U+0000"),
        (String(repeating: "x", count: 65_536), "65536 bytes"),
        (String(repeating: "é", count: 32_768), "65536 bytes"),
    ])
    func `a topic that may not be published to is refused and the message says why`(topic: String, why: String) {
        let error = #expect(throws: InvalidTopic.self) { try TopicName.check(topic) }
        #expect(error?.message.contains(why) == true)
    }

    @Test func `the message of a refused topic is short and shows control characters escaped`() {
        let long = #expect(throws: InvalidTopic.self) {
            try TopicName.check(String(repeating: "a\n", count: 999) + "#")
        }
        #expect((long?.message.utf8.count ?? .max) < 400)
        #expect(long?.message.contains("\n") == false)
        // One grapheme of 60,000 bytes.
        let combined = #expect(throws: InvalidTopic.self) {
            try TopicName.check("#e" + String(repeating: "\u{301}", count: 30_000))
        }
        #expect((combined?.message.utf8.count ?? .max) < 400)
    }
}

@Suite struct TopicKeyTests {
    @Test func `topics that differ only in normalization are different keys`() {
        let composed = "caf\u{E9}"
        let decomposed = "cafe\u{301}"
        #expect(composed == decomposed, "Swift takes the two for equal")
        #expect(TopicKey(composed) != TopicKey(decomposed))
        let values = [TopicKey(composed): 1, TopicKey(decomposed): 2]
        #expect(values[TopicKey(composed)] == 1)
        #expect(values[TopicKey(decomposed)] == 2)
    }

    @Test func `every length and every changed byte makes a different key`() {
        var keys: Set<TopicKey> = []
        var expected = 0
        for length in 0...40 {
            let bytes = Array(repeating: UInt8(ascii: "a"), count: length)
            #expect(keys.insert(TopicKey(String(decoding: bytes, as: UTF8.self))).inserted)
            expected += 1
            for index in 0..<length {
                var changed = bytes
                changed[index] = UInt8(ascii: "b")
                let key = TopicKey(String(decoding: changed, as: UTF8.self))
                #expect(keys.insert(key).inserted)
                #expect(keys.contains(TopicKey(String(decoding: changed, as: UTF8.self))))
                expected += 1
            }
        }
        #expect(keys.count == expected)
    }
}
