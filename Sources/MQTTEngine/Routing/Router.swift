// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// Finds the subscriptions a message goes to: each at most once, however many of its filters match.
///
/// Answers are remembered by the number of the topic, because a client sees the same topics again and again.
package struct Router: Sendable {
    private var tree = TopicTree<Destination>()
    /// Subscriptions with an identifier of their own (MQTT 5.0, 3.8.2.1.2).
    private var identified: [UInt32: [(destination: Destination, filter: TopicFilter)]] = [:]
    /// Who uses a filter: the server holds it once, with the identifier it heard last.
    private var users: [TopicFilter: [SubscriptionID]] = [:]
    /// What was found for the topics of ``table``, by their numbers: as bounded as the table is.
    private var answers: [Route?] = []
    /// Held, so that no other table can take its place in memory and be taken for it.
    private var table: TopicTable?

    package init() {}

    /// Routes what a filter matches to a subscription.
    package mutating func add(_ filter: TopicFilter, to destination: Destination, identifier: UInt32?) {
        self.tree.insert(destination, for: filter)
        if let identifier {
            self.identified[identifier, default: []].append((destination, filter))
            self.users[filter, default: []].append(destination.subscription)
        }
        self.forgetAnswers()
    }

    /// Routes nothing to a subscription by this filter any more.
    package mutating func remove(_ filter: TopicFilter, of subscription: SubscriptionID, identifier: UInt32?) {
        self.tree.removeAll(for: filter) { $0.subscription == subscription }
        if let identifier {
            self.identified[identifier]?.removeAll { $0.destination.subscription == subscription }
            if self.identified[identifier]?.isEmpty == true { self.identified[identifier] = nil }
            self.users[filter]?.removeAll { $0 == subscription }
            if self.users[filter]?.isEmpty == true { self.users[filter] = nil }
        }
        self.forgetAnswers()
    }

    /// The subscriptions a topic goes to; the answer is remembered as long as the table and the filters stay the same.
    package mutating func route(_ number: UInt16, of table: TopicTable) -> Route {
        if table === self.table, Int(number) < self.answers.count, let known = self.answers[Int(number)] {
            return known
        }
        return self.find(number, of: table)
    }

    private mutating func find(_ number: UInt16, of table: TopicTable) -> Route {
        if table !== self.table {
            self.answers.removeAll(keepingCapacity: true)
            self.table = table
        }
        while self.answers.count <= Int(number) { self.answers.append(nil) }
        let route = self.route(table[number])
        self.answers[Int(number)] = route
        return route
    }

    /// The subscriptions the server named.
    ///
    /// The topic decides first: an identifier of an earlier process may still come with the backlog of its session, and
    /// names somebody else by now. Where several subscriptions match, the identifiers say whose copy this is. A server
    /// that rewrites topics may name one whose filter does not match.
    package func route(_ topic: String, identifiers: [UInt32]) -> Route {
        let byTopic = self.route(topic)
        guard !identifiers.isEmpty, !self.identified.isEmpty else { return byTopic }
        switch byTopic {
        case .one:
            return byTopic
        case .many(let destinations):
            let named = self.named(identifiers, topic: topic)
            let matches = destinations.filter { named.contains($0.subscription) }
            return matches.isEmpty ? byTopic : Self.route(matches)
        case .nobody:
            var matches: [Destination] = []
            for (destination, _) in identifiers.flatMap({ self.identified[$0] ?? [] })
            where !matches.contains(where: { $0.subscription == destination.subscription }) {
                matches.append(destination)
            }
            return matches.isEmpty ? .nobody : Self.route(matches)
        }
    }

    /// Whom the identifiers mean: with each subscription also those that share the filter the message came by.
    private func named(_ identifiers: [UInt32], topic: String) -> Set<SubscriptionID> {
        var named: Set<SubscriptionID> = []
        for (_, filter) in identifiers.flatMap({ self.identified[$0] ?? [] }) where filter.matches(topic) {
            named.formUnion(self.users[filter] ?? [])
        }
        return named
    }

    /// The subscriptions a topic goes to, searched for.
    package func route(_ topic: String) -> Route {
        var matches: [Destination] = []
        self.tree.forEachMatch(topic) { matches.append($0) }
        guard matches.count > 1 else { return matches.first.map(Route.one) ?? .nobody }
        // The subscription's first filter that matches is the one reported.
        matches.sort { ($0.subscription.rawValue, $0.filter) < ($1.subscription.rawValue, $1.filter) }
        var distinct: [Destination] = []
        for match in matches where distinct.last?.subscription != match.subscription { distinct.append(match) }
        return Self.route(distinct)
    }

    private static func route(_ matches: [Destination]) -> Route {
        matches.count == 1 ? .one(matches[0]) : .many(matches)
    }

    private mutating func forgetAnswers() {
        self.answers.removeAll(keepingCapacity: true)
    }
}
