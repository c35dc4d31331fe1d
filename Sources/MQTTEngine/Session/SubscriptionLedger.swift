// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
package import MQTTWire

/// What the user has subscribed to, and what the server knows of it.
///
/// Filters are asked for again exactly when the server has no session, in batches; a refusal belongs to its
/// subscription alone. Two subscriptions may share a filter: the server then holds it once, with the higher QoS.
package struct SubscriptionLedger: Sendable {
    enum Status: Equatable {
        /// To be sent on this connection or the next.
        case wanted
        /// In a SUBSCRIBE that has no answer yet.
        case asked
        case answered(ReasonCode)
    }

    struct Entry: Sendable {
        var request: SubscribeRequest
        private(set) var status: [Status]
        var operation: OperationID?
        /// What came with the answers.
        var properties = Properties()
        var order: UInt64
        /// How many filters are to be sent; none is before ``firstWanted``.
        private(set) var wanted: Int
        private(set) var firstWanted = 0
        private(set) var answered = 0

        init(request: SubscribeRequest, operation: OperationID?, order: UInt64) {
            self.request = request
            self.status = Array(repeating: .wanted, count: request.filters.count)
            self.operation = operation
            self.order = order
            self.wanted = request.filters.count
        }

        var isAnswered: Bool { self.answered == self.status.count }

        mutating func set(_ status: Status, at index: Int) {
            let old = self.status[index]
            if old == .wanted { self.wanted -= 1 }
            if case .answered = old { self.answered -= 1 }
            if case .answered = status { self.answered += 1 }
            self.status[index] = status
            if status == .wanted {
                self.wanted += 1
                self.firstWanted = min(self.firstWanted, index)
            } else if index == self.firstWanted {
                // Filters are sent in their order, so that no call looks at those before it again.
                while self.firstWanted < self.status.count, self.status[self.firstWanted] != .wanted {
                    self.firstWanted += 1
                }
            }
        }

        /// Everything is to be sent.
        mutating func setWanted() {
            for index in self.status.indices { self.set(.wanted, at: index) }
        }
    }

    struct Asked: Sendable {
        var subscription: SubscriptionID
        var filter: Int
        var order: UInt64
    }

    struct Farewell: Sendable {
        var filters: [TopicFilter]
        var operation: OperationID?
    }

    /// A subscription that ended because the server refused one of its filters.
    package struct Refused: Sendable {
        package var request: SubscribeRequest
        package var operation: OperationID?
        package var failure: EngineFailure
        /// nil when it was not the server who refused.
        package var reason: ReasonCode?
    }

    var entries: [SubscriptionID: Entry] = [:]
    var users: [TopicFilter: [SubscriptionID]] = [:]
    var asked: [PacketID: [Asked]] = [:]
    var farewells: [PacketID: Farewell] = [:]
    /// Entries with filters still to be sent, in the order of asking; some of them may have gone.
    var unsent: Deque<SubscriptionID> = []
    /// Those of them that have not been compared with what the server says it takes.
    var unchecked: [SubscriptionID] = []
    /// Filters the server's session may still hold though nobody wants them.
    var orphans: [TopicFilter] = []
    /// Numbers for filters that overlap; nil before 5.0.
    package private(set) var overlaps: OverlapIdentifiers?
    /// Filters the server has already, to be asked for again only because of their number.
    private var asksQuietly: Set<TopicFilter> = []
    /// Until when calls wait for their answer.
    private var terms: [(subscription: SubscriptionID, order: UInt64, end: Instant)] = []
    private var nextOrder: UInt64 = 0
    /// While so many SUBSCRIBEs have no answer, further filters wait and then go together.
    private static let askedLimit = 64
    let filtersPerSubscribe: Int
    /// Whether the server's session outlives the connection.
    var keepsSession: Bool

    package init(configuration: EngineConfiguration, seed: UInt64) {
        self.overlaps = configuration.version.hasProperties ? OverlapIdentifiers(seed: seed) : nil
        self.filtersPerSubscribe = max(1, configuration.filtersPerSubscribe)
        self.keepsSession = configuration.keepsSession
    }

    /// Whether some filters overlap, so that copies of messages have to be told apart.
    var hasOverlaps: Bool { self.overlaps?.isEmpty == false }

    /// Whether a SUBACK or UNSUBACK is due.
    package var isAwaitingReply: Bool { !self.asked.isEmpty || !self.farewells.isEmpty }

    /// Whether filters wait for a free packet identifier or for a connection.
    package var hasUnsent: Bool { !self.unsent.isEmpty || !self.orphans.isEmpty }

    /// The request of a subscription that is still wanted.
    package func request(of id: SubscriptionID) -> SubscribeRequest? { self.entries[id]?.request }

    /// The call that waits for the answers to a subscription; nobody completes it any more.
    package mutating func takeOperation(of id: SubscriptionID) -> OperationID? {
        defer { self.entries[id]?.operation = nil }
        return self.entries[id]?.operation
    }

    /// Notes a subscription; ``sendUnsent(limits:exchanges:into:)`` asks the server.
    package mutating func add(_ request: SubscribeRequest, operation: OperationID?) {
        if request.identifier == nil { self.markOverlaps(of: request) }
        self.nextOrder += 1
        self.entries[request.id] = Entry(request: request, operation: operation, order: self.nextOrder)
        for filter in request.filters { self.users[filter.filter, default: []].append(request.id) }
        self.unsent.append(request.id)
        self.unchecked.append(request.id)
    }

    /// The call that added a subscription last waits no longer than this.
    package mutating func setDeadline(_ end: Instant, of id: SubscriptionID) {
        guard let entry = self.entries[id] else { return }
        self.terms.append((id, entry.order, end))
    }

    /// When ``deadlineReached(now:)`` must be called next, if ever.
    package var nextDeadline: Instant? { self.terms.lazy.map(\.end).min() }

    /// Time has passed: gives the subscriptions whose calls wait no longer.
    package mutating func deadlineReached(now: Instant) -> [Refused] {
        let due = self.terms.filter { $0.end <= now }
        self.terms.removeAll { $0.end <= now }
        return due.compactMap { term in
            guard let entry = self.entries[term.subscription], entry.order == term.order, entry.operation != nil else {
                return nil
            }
            let words = "the server has not answered the subscription in the time its caller gave it"
            let failure = EngineFailure(.timedOut, words)
            return Refused(request: entry.request, operation: entry.operation, failure: failure, reason: nil)
        }
    }

    /// Asks the server for what is still to be sent, as far as packet identifiers reach.
    ///
    /// What does not go now goes when an answer comes.
    package mutating func sendUnsent(
        limits: NegotiatedLimits,
        exchanges: inout ExchangeTable,
        into effects: inout [Effect]
    ) {
        if !self.orphans.isEmpty {
            let orphans = self.takeOrphans()
            self.sayFarewell(orphans, operation: nil, limits: limits, exchanges: &exchanges, into: &effects)
        }
        var part = Part()
        sending: for id in self.unsent {
            guard self.asked.count < Self.askedLimit else { break }
            guard let entry = self.entries[id], entry.wanted > 0 else { continue }
            for index in entry.firstWanted..<entry.status.count where entry.status[index] == .wanted {
                let filter = entry.request.filters[index].filter
                // A server that takes none drops the whole connection over one (MQTT 5.0, 3.2.2.3.12).
                let wanted = entry.request.identifier ?? self.overlaps?.number(of: filter)
                let identifier = limits.subscriptionIdentifiersAvailable ? wanted : nil
                let size = filter.subscribeSize
                let isFull =
                    part.items.count >= self.filtersPerSubscribe || part.bytes + size > limits.maximumPacketSize
                let isOther = part.identifier != identifier || part.properties != entry.request.properties
                if !part.items.isEmpty, isFull || isOther {
                    guard self.send(part, exchanges: &exchanges, into: &effects) else { break sending }
                    part = Part()
                }
                if part.items.isEmpty, !entry.request.properties.isEmpty {
                    part.properties = entry.request.properties
                    part.bytes += entry.request.properties.userPropertiesSize
                }
                part.identifier = identifier
                part.bytes += size
                part.items.append(Asked(subscription: id, filter: index, order: entry.order))
            }
        }
        if !part.items.isEmpty { _ = self.send(part, exchanges: &exchanges, into: &effects) }
        while let first = self.unsent.first, self.entries[first].map({ $0.wanted == 0 }) ?? true {
            self.unsent.removeFirst()
        }
    }

    /// What goes into one SUBSCRIBE.
    struct Part {
        var items: [Asked] = []
        var identifier: UInt32?
        var properties = Properties()
        /// The fixed header, the packet identifier and the properties take at most so much.
        var bytes = Self.overhead

        static let overhead = 16
    }

    /// Sends one SUBSCRIBE; false without a free packet identifier, or while enough of them have no answer.
    private mutating func send(
        _ part: Part,
        exchanges: inout ExchangeTable,
        into effects: inout [Effect]
    ) -> Bool {
        guard self.asked.count < Self.askedLimit,
            let packetID = exchanges.open(ExchangeTable.Exchange(phase: .otherRequest))
        else { return false }
        let entries = part.items.compactMap(self.wireEntry)
        for item in part.items {
            self.entries[item.subscription]?.set(.asked, at: item.filter)
            guard !self.asksQuietly.isEmpty, let request = self.entries[item.subscription]?.request else { continue }
            self.asksQuietly.remove(request.filters[item.filter].filter)
        }
        self.asked[packetID] = part.items
        var properties = part.properties
        if let identifier = part.identifier { properties.append(.subscriptionIdentifier(identifier)) }
        effects.append(.send(.subscribe(Subscribe(packetID: packetID, entries: entries, properties: properties))))
        return true
    }

    /// The filter with the highest QoS any of its users asks for.
    private func wireEntry(_ item: Asked) -> Subscribe.Entry? {
        guard let wanted = self.entries[item.subscription]?.request.filters[item.filter] else { return nil }
        var options = wanted.options
        for user in self.users[wanted.filter] ?? [] where user != item.subscription {
            for filter in self.entries[user]?.request.filters ?? [] where filter.filter == wanted.filter {
                options.qos = max(options.qos, filter.options.qos)
            }
        }
        if self.asksQuietly.contains(wanted.filter) { options.retainHandling = .doNotSend }
        return Subscribe.Entry(filter: wanted.filter.string, options: options)
    }

    /// Gives overlapping filters a number; those the server has without one are asked for again, before the new ones.
    private mutating func markOverlaps(of request: SubscribeRequest) {
        let again = self.overlaps?.add(request.filters.map(\.filter), beside: self.users.keys) ?? []
        for filter in again {
            guard let user = self.users[filter]?.first, let entry = self.entries[user] else { continue }
            for index in entry.request.filters.indices where entry.request.filters[index].filter == filter {
                if entry.status[index] != .wanted { self.asksQuietly.insert(filter) }
                self.entries[user]?.set(.wanted, at: index)
            }
            if !self.unsent.contains(user) { self.unsent.append(user) }
        }
    }

    /// The copy of a message that a filter's subscriptions take is not forgotten with one of them.
    mutating func forgetOverlaps(of filter: TopicFilter) {
        self.overlaps?.remove(filter)
        self.asksQuietly.remove(filter)
    }

    mutating func forgetAllOverlaps() {
        self.overlaps?.removeAll()
        self.asksQuietly = []
    }

    /// Leaves of a route what this copy of the message is for; nil when the copy says nothing about it.
    package func narrow(_ route: Route, identifiers: [UInt32]) -> Route? {
        guard let overlaps = self.overlaps, !overlaps.isEmpty else { return nil }
        guard let isMeant = overlaps.isMeant(identifiers: identifiers) else { return nil }
        let meant = route.destinations.filter { destination in
            guard let request = self.entries[destination.subscription]?.request else { return true }
            let index = Int(destination.filter)
            return index >= request.filters.count || request.identifier != nil || isMeant(request.filters[index].filter)
        }
        return Route(meant)
    }
}

extension TopicFilter {
    /// The bytes of the filter in a SUBSCRIBE, its length and options included.
    var subscribeSize: Int { self.string.utf8.count + 3 }
}
