// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import Testing

@Suite struct TopicFilterTests {
    @Test(arguments: [
        "#", "+", "/", "//", "+/+", "/+", "+/#", "/#", "//#", "sport/#", "sport/tennis/#", "sport/+", "+/tennis/#",
        "sport/+/player1", "a/b", "a//b", "$SYS/#", "$SYS/monitor/+", "a/$b/#", "$share", "$queue", "$queue/",
        "$queue/#", "$exclusive/a", "$share/g/a", "$share/g/#", "$share/g/$SYS/#", "$share/g//", "$share/$g/+/a",
        String(repeating: "/", count: 65_535), String(repeating: "+/", count: 32_767) + "#",
    ])
    func `a legal filter is accepted and kept as it was written`(string: String) throws {
        let filter = try TopicFilter(string)
        #expect(filter.string.utf8.elementsEqual(string.utf8))
        #expect(filter.description == string)
    }

    @Test(
        .sends(
            "5:MQTT-4.7.1-1",
            "5:MQTT-4.7.1-2",
            "5:MQTT-4.7.3-1",
            "5:MQTT-4.7.3-2",
            "5:MQTT-4.7.3-3",
            "5:MQTT-4.8.2-1",
            "5:MQTT-4.8.2-2",
            "3.1.1:MQTT-4.7.1-2",
            "3.1.1:MQTT-4.7.1-3",
            "3.1.1:MQTT-4.7.3-1",
            "3.1.1:MQTT-4.7.3-2",
            "3.1.1:MQTT-4.7.3-3"
        ),
        arguments: [
            ("", "empty"),
            ("a#", "'#'"), ("sport/tennis#", "'#'"), ("sport/tennis/#/ranking", "'#'"), ("#/a", "'#'"), ("##", "'#'"),
            ("a/##", "'#'"), ("#a", "'#'"), ("#/", "'#'"), ("/#/", "'#'"), ("+#", "'+'"), ("#+", "'#'"),
            ("sport+", "'+'"), ("+sport", "'+'"), ("a/b+", "'+'"), ("a/b+/c", "'+'"), ("a/+b/c", "'+'"), ("++", "'+'"),
            ("a/\u{0}", "U+0000"), ("\u{0}", "U+0000"), ("$share/\u{0}/a", "U+0000"),
            ("$share/", "share name"), ("$share//a", "share name"), ("$share/g", "no filter"),
            ("$share/g/", "no filter"),
            ("$share/+/a", "share name"), ("$share/#/a", "share name"), ("$share/g+/a", "share name"),
            ("$share/g/a#", "'#'"), ("$share/g/#/a", "'#'"), ("$queue/a+", "'+'"),
            (String(repeating: "x", count: 65_536), "65536 bytes"),
        ]
    )
    func `an illegal filter is refused and the message says why`(string: String, why: String) {
        let error = #expect(throws: InvalidTopic.self) { try TopicFilter(string) }
        #expect(error?.message.contains(why) == true, "\(error?.message ?? "accepted")")
    }

    @Test(
        arguments: [
            ("a/+", nil, "a/+"), ("$share/g/a/+", "g", "a/+"), ("$share/g/$SYS/#", "g", "$SYS/#"),
            ("$share/g//", "g", "/"), ("$share/é/a", "é", "a"), ("$queue/a", nil, "a"), ("$exclusive/a/#", nil, "a/#"),
            ("$queue/$queue/a", nil, "$queue/a"), ("$share/g/$queue/a", "g", "$queue/a"), ("$queue/", nil, "$queue/"),
            ("$queues/a", nil, "$queues/a"), ("$shared/g/a", nil, "$shared/g/a"), ("a/$share/g/b", nil, "a/$share/g/b"),
        ] as [(String, String?, String)]
    )
    func `what is no part of the topics is taken off`(string: String, shareName: String?, pattern: String) throws {
        let filter = try TopicFilter(string)
        #expect(filter.shareName == shareName)
        #expect(filter.pattern == pattern)
    }

    @Test func `other prefixes can be stripped instead`() throws {
        let prefixes = ["$delayed/10", "", "$q"]
        #expect(try TopicFilter("$delayed/10/a", strippedPrefixes: prefixes).pattern == "a")
        #expect(try TopicFilter("$q/a", strippedPrefixes: prefixes).pattern == "a")
        #expect(try TopicFilter("$queue/a", strippedPrefixes: prefixes).pattern == "$queue/a")
        #expect(try TopicFilter("/a", strippedPrefixes: prefixes).pattern == "/a")
        #expect(try TopicFilter("$share/g/a", strippedPrefixes: []).pattern == "a")
        #expect(try TopicFilter("$queue/a", strippedPrefixes: []) != TopicFilter("$queue/a"))
    }

    @Test(arguments: [("a", false), ("a/b", false), ("#", true), ("+", true), ("a/#", true), ("$share/g/a", false)])
    func `a filter knows whether it has wildcards`(string: String, hasWildcards: Bool) throws {
        #expect(try TopicFilter(string).hasWildcards == hasWildcards)
    }

    @Test(.sends("3.1.1:MQTT-4.7.3-4"), .sends("5:MQTT-4.7.3-4"))
    func `filters that differ only in normalization are different`() throws {
        let composed = try TopicFilter("caf\u{E9}/+")
        let decomposed = try TopicFilter("cafe\u{301}/+")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed, composed]).count == 2)
        #expect(composed.matches("caf\u{E9}/a"))
        #expect(!composed.matches("cafe\u{301}/a"))
        #expect(try !TopicFilter("caf\u{E9}").matches("cafe\u{301}"))
    }

    @Test func `a filter is small`() {
        #expect(MemoryLayout<TopicFilter>.stride <= 32)
    }
}
