// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTWire
import Testing

@Suite struct TopicMatchingTests {
    /// Of MQTT 5.0, 4.7 and 4.8.2, and of what other clients get wrong; nil where the filter does not match.
    static let table: [(filter: String, topic: String, captures: [String]?)] = [
        // 4.7.1.2
        ("sport/tennis/player1/#", "sport/tennis/player1", [""]),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", ["ranking"]),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", ["score/wimbledon"]),
        ("sport/tennis/player1/#", "sport/tennis/player10", nil),
        ("sport/#", "sport", [""]),
        ("sport/#", "sport/", [""]),
        ("sport/#", "sport//", ["/"]),
        ("sport/#", "sports", nil),
        ("#", "a", ["a"]),
        ("#", "/", ["/"]),
        ("#", "a/b/c", ["a/b/c"]),
        // 4.7.1.3
        ("sport/tennis/+", "sport/tennis/player1", ["player1"]),
        ("sport/tennis/+", "sport/tennis/player2", ["player2"]),
        ("sport/tennis/+", "sport/tennis/player1/ranking", nil),
        ("sport/+", "sport", nil),
        ("sport/+", "sport/", [""]),
        ("+/+", "/finance", ["", "finance"]),
        ("/+", "/finance", ["finance"]),
        ("+", "/finance", nil),
        ("+", "finance", ["finance"]),
        ("+/tennis/#", "sport/tennis", ["sport", ""]),
        ("+/tennis/#", "sport/tennis/a/b", ["sport", "a/b"]),
        ("+/tennis/#", "sport/golf/a", nil),
        ("sport/+/player1", "sport/tennis/player1", ["tennis"]),
        ("sport/+/player1", "sport//player1", [""]),
        ("sport/+/player1", "sport/tennis/player10", nil),
        ("+/+/+", "a/b", nil),
        ("+/+", "a/b/c", nil),
        ("+/+/#", "a/b", ["a", "b", ""]),
        ("+/+/#", "a", nil),
        ("+/b/+/d", "a/b/c/d", ["a", "c"]),
        // 4.7.2
        ("#", "$SYS/broker", nil),
        ("+/monitor/Clients", "$SYS/monitor/Clients", nil),
        ("+", "$SYS", nil),
        ("+/#", "$SYS", nil),
        ("$SYS/#", "$SYS/monitor/Clients", ["monitor/Clients"]),
        ("$SYS/#", "$SYS", [""]),
        ("$SYS/monitor/+", "$SYS/monitor/Clients", ["Clients"]),
        ("/#", "/$SYS", ["$SYS"]),
        ("a/#", "a/$b", ["$b"]),
        ("a/+/c", "a/$b/c", ["$b"]),
        ("#", "a$", ["a$"]),
        // 4.7.3
        ("ACCOUNTS", "Accounts", nil),
        ("Accounts payable", "Accounts payable", []),
        ("/finance", "finance", nil),
        ("finance", "/finance", nil),
        ("finance/", "finance", nil),
        ("finance", "finance/", nil),
        ("a//b", "a//b", []),
        ("a//b", "a/b", nil),
        ("a/+/b", "a//b", [""]),
        ("/", "/", []),
        ("+/+", "/", ["", ""]),
        ("/#", "/", [""]),
        ("/#", "", nil),
        ("#", "", nil),
        ("+", "", nil),
        // 4.8.2, and the prefixes of servers
        ("$share/group/a/+", "a/b", ["b"]),
        ("$share/group/a/+", "$share/group/a/b", nil),
        ("$share/group/#", "a", ["a"]),
        ("$share/group/#", "$SYS/a", nil),
        ("$share/group/$SYS/#", "$SYS/a", ["a"]),
        ("$share/group//a", "/a", []),
        ("$queue/a/#", "a/b", ["b"]),
        ("$queue/#", "$queue/a", nil),
        ("$exclusive/a", "a", []),
        ("$share", "$share", []),
        // The table of paho-mqtt's users
        ("foo/bar", "foo/bar", []),
        ("foo/#", "foo/bar", ["bar"]),
        ("foo/+/baz", "foo/bar/baz", ["bar"]),
        ("foo/+/#", "foo/bar/baz", ["bar", "baz"]),
        ("A/B/+/#", "A/B/B/C", ["B", "C"]),
        ("foo/bar", "foo", nil),
        ("foo/+", "foo/bar/baz", nil),
        ("foo/+/baz", "foo/bar/bar", nil),
        ("foo/+/#", "fo2/bar/baz", nil),
        ("non/+/+", "non/matching", nil),
        ("+/bar", "foo/bar", ["foo"]),
        ("test/6/#", "test/3", nil),
        ("été/+", "été/🌡️", ["🌡️"]),
    ]

    @Test(.receives("3.1.1:MQTT-4.7.2-1"), .receives("5:MQTT-4.7.2-1", "5:MQTT-3.3.2-3"), arguments: Self.table)
    func `a filter matches and captures as the standard says`(
        filter: String,
        topic: String,
        captures: [String]?
    ) throws {
        let filter = try TopicFilter(filter)
        #expect(filter.matches(topic) == (captures != nil))
        #expect(filter.captures(in: topic) == captures)
    }

    @Test(arguments: Self.table)
    func `a tree finds what the filter matches`(filter: String, topic: String, captures: [String]?) throws {
        var tree = TopicTree<Int>()
        tree.insert(1, for: try TopicFilter(filter))
        var found = 0
        tree.forEachMatch(topic) { found += $0 }
        #expect(found == (captures == nil ? 0 : 1))
    }
}
