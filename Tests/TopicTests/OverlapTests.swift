// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import Testing

@Suite struct OverlapTests {
    @Test(arguments: [
        ("a", "a"), ("a/b", "a/+"), ("a/#", "a"), ("a/#", "a/b/c"), ("#", "a/b"), ("+/b", "a/+"), ("+", "+"),
        ("#", "+/+"),
        ("a/+/c", "+/b/#"), ("$SYS/#", "$SYS/+/x"), ("$share/g/a/#", "a/b"), ("a//b", "a/+/b"), ("/", "+/+"),
    ])
    func `filters that share a topic overlap`(left: String, right: String) throws {
        #expect(try TopicFilter(left).overlaps(TopicFilter(right)))
        #expect(try TopicFilter(right).overlaps(TopicFilter(left)))
    }

    @Test(arguments: [
        ("a", "b"), ("a", "a/b"), ("a/+", "a"), ("a/+", "a/b/c"), ("a/b/#", "a/c"), ("#", "$SYS/x"), ("+/x", "$SYS/x"),
        ("$SYS/#", "#"), ("a/+/c", "a/b/d"), ("a/", "a"), ("+", "+/+"), ("ab/#", "a/#"),
    ])
    func `filters without a topic in common do not`(left: String, right: String) throws {
        #expect(try !TopicFilter(left).overlaps(TopicFilter(right)))
        #expect(try !TopicFilter(right).overlaps(TopicFilter(left)))
    }
}
