// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
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

    @Test(
        .sends("5:MQTT-4.7.0-1", "5:MQTT-4.7.3-1", "5:MQTT-4.7.3-2", "5:MQTT-4.7.3-3"),
        arguments: [
            ("", "empty"),
            ("#", "wildcard"), ("+", "wildcard"), ("a/#", "wildcard"), ("a/+/b", "wildcard"), ("a+", "wildcard"),
            ("sport#tennis", "wildcard"),
            ("\u{0}", "U+0000"), ("a/\u{0}/b", "U+0000"), ("a\u{0}#", "U+0000"),
            (String(repeating: "x", count: 65_536), "65536 bytes"),
            (String(repeating: "é", count: 32_768), "65536 bytes"),
        ]
    )
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
