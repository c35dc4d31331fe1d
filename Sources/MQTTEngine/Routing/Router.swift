// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// Finds the subscriptions a message goes to: each at most once, however many of its filters match.
///
/// Answers are remembered by topic, because a client sees the same topics again and again.
package struct Router: Sendable {
    private var tree = TopicTree<Destination>()
    /// Subscriptions with an identifier of their own (MQTT 5.0, 3.8.2.1.2).
    private var identified: [UInt32: [Destination]] = [:]
    private var remembered: [TopicKey: Route] = [:]
    private var lastTopic = TopicKey("")
    private var lastRoute = Route.nobody

    /// How many topics are remembered before all are forgotten.
    private static let memory = 4_096

    package init() {}

    /// Routes what a filter matches to a subscription.
    package mutating func add(_ filter: TopicFilter, to destination: Destination, identifier: UInt32?) {
        self.tree.insert(destination, for: filter)
        if let identifier { self.identified[identifier, default: []].append(destination) }
        self.forgetAnswers()
    }

    /// Routes nothing to a subscription by this filter any more.
    package mutating func remove(_ filter: TopicFilter, of subscription: SubscriptionID, identifier: UInt32?) {
        self.tree.removeAll(for: filter) { $0.subscription == subscription }
        if let identifier {
            self.identified[identifier]?.removeAll { $0.subscription == subscription }
            if self.identified[identifier]?.isEmpty == true { self.identified[identifier] = nil }
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
            if self.remembered.count >= Self.memory { self.remembered.removeAll(keepingCapacity: true) }
            self.remembered[key] = route
        }
        self.lastTopic = key
        self.lastRoute = route
        return route
    }

    /// The subscriptions the server named; by topic when it named none that is known.
    package mutating func route(_ topic: String, identifiers: [UInt32]) -> Route {
        guard !identifiers.isEmpty, !self.identified.isEmpty else { return self.route(topic) }
        var matches: [Destination] = []
        for identifier in identifiers {
            let named = self.identified[identifier] ?? []
            let byTopic = self.destinations(of: self.route(topic))
            for destination in named where !matches.contains(where: { $0.subscription == destination.subscription }) {
                // Which of its filters matched, only the topic tells.
                matches.append(byTopic.first { $0.subscription == destination.subscription } ?? destination)
            }
        }
        return matches.isEmpty ? self.route(topic) : Self.route(matches)
    }

    private func destinations(of route: Route) -> [Destination] {
        switch route {
        case .nobody: []
        case .one(let destination): [destination]
        case .many(let destinations): destinations
        }
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
