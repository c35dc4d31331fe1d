// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// Finds the subscriptions a message goes to: each at most once, however many of its filters match.
///
/// Answers are remembered by topic, because a client sees the same topics again and again.
package struct Router: Sendable {
    private var tree = TopicTree<Destination>()
    /// Subscriptions with an identifier of their own (MQTT 5.0, 3.8.2.1.2).
    private var identified: [UInt32: [(destination: Destination, filter: TopicFilter)]] = [:]
    /// Who uses a filter: the server holds it once, with the identifier it heard last.
    private var users: [TopicFilter: [SubscriptionID]] = [:]
    private var remembered: [TopicKey: Route] = [:]
    private var lastTopic = TopicKey("")
    private var lastRoute = Route.nobody

    /// How many topics are remembered before all are forgotten, and how long they may be: a peer chooses them.
    private static let memory = 4_096
    private static let longest = 256

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

    /// The subscriptions a topic goes to.
    package mutating func route(_ topic: String) -> Route {
        let key = TopicKey(topic)
        if key == self.lastTopic { return self.lastRoute }
        let route: Route
        if let known = self.remembered[key] {
            route = known
        } else {
            route = self.search(topic)
            guard topic.utf8.count <= Self.longest else { return route }
            if self.remembered.count >= Self.memory { self.remembered.removeAll(keepingCapacity: true) }
            self.remembered[key] = route
        }
        self.lastTopic = key
        self.lastRoute = route
        return route
    }

    /// The subscriptions the server named.
    ///
    /// The topic decides first: an identifier of an earlier process may still come with the backlog of its session, and
    /// names somebody else by now. Where several subscriptions match, the identifiers say whose copy this is. A server
    /// that rewrites topics may name one whose filter does not match.
    package mutating func route(_ topic: String, identifiers: [UInt32]) -> Route {
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

    private func search(_ topic: String) -> Route {
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
        self.remembered.removeAll(keepingCapacity: true)
        // An empty topic is never routed.
        self.lastTopic = TopicKey("")
        self.lastRoute = .nobody
    }
}
