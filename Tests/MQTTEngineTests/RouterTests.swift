// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTEngine
import MQTTWire
import Testing

@Suite struct RouterTests {
    /// A router of subscriptions 1, 2, … with these filters each; identifiers are their numbers, or none.
    private static func router(_ subscriptions: [[String]], identified: Bool = false) -> Router {
        var router = Router()
        for (number, filters) in subscriptions.enumerated() {
            for (index, filter) in filters.enumerated() {
                guard let filter = try? TopicFilter(filter) else { continue }
                let identifier = identified ? UInt32(number + 1) : nil
                router.add(filter, to: self.destination(UInt32(number + 1), UInt16(index)), identifier: identifier)
            }
        }
        return router
    }

    private static func destination(_ number: UInt32, _ filter: UInt16 = 0) -> Destination {
        Destination(subscription: SubscriptionID(number), filter: filter, acknowledgesLater: true)
    }

    @Test func `a subscription gets a message once, by the first of its filters that matches`() {
        let router = Self.router([["x", "a/#", "a/b", "+/b"]])
        #expect(router.route("a/b") == .one(Self.destination(1, 1)))
        #expect(router.route("c/b") == .one(Self.destination(1, 3)))
        #expect(router.route("c") == .nobody)
    }

    @Test func `every subscription that matches gets it`() {
        let router = Self.router([["a/#"], ["b"], ["x", "a/b"]])
        #expect(router.route("a/b") == .many([Self.destination(1), Self.destination(3, 1)]))
        #expect(router.route("a/b").acknowledgers == 2)
    }

    @Test(.receives("5:MQTT-4.7.2-1")) func `wildcards at the beginning do not match what begins with a dollar sign`() {
        let router = Self.router([["#"], ["+/broker"], ["$SYS/#"]])
        #expect(router.route("$SYS/broker") == .one(Self.destination(3)))
        #expect(router.route("x/broker") == .many([Self.destination(1), Self.destination(2)]))
    }

    @Test(arguments: ["$share/group/a/+", "$queue/a/+", "$exclusive/a/+"])
    func `prefixes are no part of the topics that arrive`(filter: String) {
        let router = Self.router([[filter]])
        #expect(router.route("a/b") == .one(Self.destination(1)))
    }

    @Test func `answers are forgotten when a subscription comes or goes`() throws {
        var router = Self.router([["a"]])
        #expect(router.route("a") == .one(Self.destination(1)))
        #expect(router.route("b") == .nobody)
        let filter = try TopicFilter("#")
        router.add(filter, to: Self.destination(2), identifier: nil)
        #expect(router.route("a") == .many([Self.destination(1), Self.destination(2)]))
        #expect(router.route("b") == .one(Self.destination(2)))
        router.remove(filter, of: SubscriptionID(2), identifier: nil)
        #expect(router.route("b") == .nobody)
        #expect(router.route("a") == .one(Self.destination(1)))
    }

    @Test func `an answer is remembered by the number of its topic until a filter comes or goes`() throws {
        var router = Self.router([["t/#"], ["u"]])
        var decoder = PacketDecoder(version: .v5, role: .client)
        let burst = try Self.burst(of: ["t/1", "u", "t/1", "v"], &decoder)
        func routes() -> [Route] { burst.entries.map { router.route($0.topic, of: burst.topics) } }
        let first = Route.one(Self.destination(1))
        for _ in 0..<2 { #expect(routes() == [first, .one(Self.destination(2)), first, .nobody]) }
        router.add(try TopicFilter("v"), to: Self.destination(3), identifier: nil)
        for _ in 0..<2 { #expect(routes().last == .one(Self.destination(3))) }
        router.remove(try TopicFilter("t/#"), of: SubscriptionID(1), identifier: nil)
        #expect(routes() == [.nobody, .one(Self.destination(2)), .nobody, .one(Self.destination(3))])
    }

    @Test func `a number means another topic in another table`() throws {
        var router = Self.router([["a"], ["b"]])
        for (topic, number) in [("a", UInt32(1)), ("b", 2), ("a", 1), ("c", 0)] {
            // A new connection begins with a new table.
            var decoder = PacketDecoder(version: .v5, role: .client)
            let burst = try Self.burst(of: [topic], &decoder)
            #expect(burst.entries[0].topic == 0)
            let route = router.route(burst.entries[0].topic, of: burst.topics)
            #expect(route == (number == 0 ? .nobody : .one(Self.destination(number))))
        }
    }

    private static func burst(of topics: [String], _ decoder: inout PacketDecoder) throws -> PacketBurst {
        let encoder = PacketEncoder(version: .v5)
        var bytes = try encoder.encode(.publish(Publish(topic: topics[0])))
        for topic in topics.dropFirst() { try encoder.encode(.publish(Publish(topic: topic)), into: &bytes) }
        var bursts: [PacketBurst] = []
        try decoder.decode(bytes, into: &bursts)
        // The first table of a decoder is small, and everything before the first topic belongs to none.
        return try #require(bursts.last)
    }

    // MARK: - Subscription identifiers

    @Test(.receives("5:MQTT-3.3.4-3", "5:MQTT-3.3.4-4", "5:MQTT-3.3.4-5"))
    func `the identifiers say whose copy a message is`() {
        let router = Self.router([["a/#"], ["a/b"], ["c"]], identified: true)
        #expect(router.route("a/b", identifiers: [1]) == .one(Self.destination(1)))
        #expect(router.route("a/b", identifiers: [2]) == .one(Self.destination(2)))
        #expect(router.route("a/b", identifiers: [2, 1, 2]) == .many([Self.destination(1), Self.destination(2)]))
        #expect(router.route("a/b", identifiers: []) == .many([Self.destination(1), Self.destination(2)]))
    }

    @Test(.receives("U5-3.3.4-4")) func `identifiers nobody knows leave it to the topic`() {
        let router = Self.router([["a/#"], ["a/b"]], identified: true)
        #expect(router.route("a/b", identifiers: [99]) == .many([Self.destination(1), Self.destination(2)]))
        #expect(router.route("c", identifiers: [99]) == .nobody)
    }

    @Test func `a filter that is shared reaches both, whichever identifier the server holds`() {
        let router = Self.router([["a"], ["a"], ["#"]], identified: true)
        #expect(router.route("a", identifiers: [2]) == .many([Self.destination(1), Self.destination(2)]))
        #expect(router.route("a", identifiers: [3]) == .one(Self.destination(3)))
    }

    @Test func `an identifier of an earlier process does not misroute the backlog`() {
        let router = Self.router([["x"], ["a"]], identified: true)
        #expect(router.route("a", identifiers: [1]) == .one(Self.destination(2)))
    }

    @Test func `a server that rewrites topics is believed`() {
        let router = Self.router([["x"], ["y"]], identified: true)
        #expect(router.route("rewritten", identifiers: [2]) == .one(Self.destination(2)))
    }

    @Test func `the identifier of a subscription that left means nobody`() throws {
        var router = Self.router([["a"], ["b"]], identified: true)
        router.remove(try TopicFilter("a"), of: SubscriptionID(1), identifier: 1)
        #expect(router.route("rewritten", identifiers: [1]) == .nobody)
        #expect(router.route("a", identifiers: [1]) == .nobody)
    }

    // MARK: - Through the engine

    @Test func `a message of several subscriptions names them all`() {
        var harness = EngineHarness.connected()
        harness.subscribe(.to(["a/+"], id: 1), nil)
        harness.subscribe(.to(["z", "a/b"], id: 2, acknowledgesLater: false), nil)
        let second = Destination(subscription: SubscriptionID(2), filter: 1, acknowledgesLater: false)
        let route = Route.many([Self.destination(1), second])
        #expect(harness.receivePublish(.message("a/b", .atMostOnce)).arrival == .deliver(route, nil))
        harness.unsubscribe(1, nil)
        #expect(harness.receivePublish(.message("a/b", .atMostOnce)).arrival == .deliver(.one(second), nil))
    }

    @Test func `filters that overlap are told apart by identifiers, and the earlier one is asked for again`() throws {
        var harness = EngineHarness.connected()
        #expect(Self.asked(harness.subscribe(.to(["a/+"], id: 1), nil)) == ["a/+": nil])
        let asked = Self.asked(harness.subscribe(.to(["a/b"], id: 2), nil))
        let wide = try #require(asked["a/+"] ?? nil)
        let narrow = try #require(asked["a/b"] ?? nil)
        #expect(wide != narrow)

        func arrival(_ identifiers: UInt32...) -> Arrival {
            let properties = Properties(identifiers.map { .subscriptionIdentifier($0) })
            return harness.receivePublish(Publish(topic: "a/b", properties: properties)).arrival
        }
        #expect(arrival(wide) == .deliver(.one(Self.destination(1)), nil))
        #expect(arrival(narrow) == .deliver(.one(Self.destination(2)), nil))
        let both = Arrival.deliver(.many([Self.destination(1), Self.destination(2)]), nil)
        #expect(arrival(wide, narrow) == both)
        // A server that says nothing, or speaks of an earlier process, is taken to mean everybody.
        #expect(arrival() == both)
        #expect(arrival(7) == both)
    }

    @Test func `before 5_0 nothing has an identifier`() {
        var harness = EngineHarness.connected(.v311)
        #expect(Self.asked(harness.subscribe(.to(["a/+"], id: 1), nil)) == ["a/+": nil])
        #expect(Self.asked(harness.subscribe(.to(["a/b"], id: 2), nil)) == ["a/b": nil])
    }

    /// The filters of SUBSCRIBE packets, each with its identifier.
    private static func asked(_ effects: [Effect]) -> [String: UInt32?] {
        var asked: [String: UInt32?] = [:]
        for case .send(.subscribe(let packet)) in effects {
            for entry in packet.entries { asked[entry.filter] = .some(packet.properties.subscriptionIdentifier) }
        }
        return asked
    }
}
