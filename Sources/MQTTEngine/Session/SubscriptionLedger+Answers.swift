// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
package import MQTTWire

extension SubscriptionLedger {
    /// SUBACK: gives the subscriptions that end because of it, or nil when the packet breaks the protocol.
    package mutating func subAck(_ packet: SubAck, into effects: inout [Effect]) -> [Refused]? {
        // What a bad answer belongs to stays: it is asked again on the next connection.
        guard let asked = self.asked[packet.packetID], asked.count == packet.reasons.count else { return nil }
        self.asked[packet.packetID] = nil
        var touched: [SubscriptionID] = []
        for (item, reason) in zip(asked, packet.reasons) {
            // The subscription may have gone, and its slot may belong to a new one.
            guard self.entries[item.subscription]?.order == item.order else { continue }
            self.entries[item.subscription]?.set(.answered(reason), at: item.filter)
            guard touched.last != item.subscription else { continue }
            touched.append(item.subscription)
            for property in packet.properties { self.entries[item.subscription]?.properties.append(property) }
        }
        return touched.compactMap { self.settle($0, properties: packet.properties, into: &effects) }
    }

    /// Ends the call of a subscription all of whose filters have an answer.
    private mutating func settle(
        _ id: SubscriptionID,
        properties: Properties,
        into effects: inout [Effect]
    ) -> Refused? {
        guard let entry = self.entries[id], entry.isAnswered else { return nil }
        var reasons: [ReasonCode] = []
        for status in entry.status {
            guard case .answered(let reason) = status else { return nil }
            reasons.append(reason)
        }
        if let index = reasons.firstIndex(where: \.isError) {
            let filter = entry.request.filters[index].filter.string
            let failure = EngineFailure(
                .subscriptionRefused,
                reason: reasons[index],
                filter: filter,
                "the server refused the subscription to \"\(filter)\": \(reasons[index])",
                properties: properties
            )
            return Refused(
                request: entry.request,
                operation: entry.operation,
                failure: failure,
                reason: reasons[index]
            )
        }
        if let operation = entry.operation {
            effects.append(.complete(operation, .subscribed(reasons, entry.properties)))
            self.entries[id]?.operation = nil
            self.entries[id]?.properties = Properties()
        }
        return nil
    }

    /// What the server said it does not do: those subscriptions end without being sent.
    ///
    /// Each subscription is looked at once on a connection.
    package mutating func unsupported(by limits: NegotiatedLimits) -> [Refused] {
        defer { self.unchecked.removeAll() }
        return self.unchecked.compactMap { id in
            guard let entry = self.entries[id] else { return nil }
            for filter in entry.request.filters {
                let properties = entry.request.properties
                guard let failure = limits.refusal(of: filter.filter, properties: properties) else { continue }
                let reason = failure.reason ?? .unspecifiedError
                return Refused(request: entry.request, operation: entry.operation, failure: failure, reason: reason)
            }
            return nil
        }
    }

    /// Forgets a subscription and asks the server to forget the filters nobody else uses.
    package mutating func remove(
        _ id: SubscriptionID,
        operation: OperationID?,
        properties: Properties = Properties(),
        limits: NegotiatedLimits?,
        exchanges: inout ExchangeTable,
        into effects: inout [Effect]
    ) {
        guard let entry = self.entries.removeValue(forKey: id) else {
            if let operation { effects.append(.complete(operation, .unsubscribed([]))) }
            return
        }
        var unused: [TopicFilter] = []
        for (filter, status) in zip(entry.request.filters, entry.status) {
            guard var users = self.users[filter.filter] else { continue }
            users.removeAll { $0 == id }
            self.users[filter.filter] = users.isEmpty ? nil : users
            guard users.isEmpty else { continue }
            self.forgetOverlaps(of: filter.filter)
            if case .answered(let reason) = status, reason.isError { continue }
            // Before a connection, an earlier life of the session may hold the filter.
            if status != .wanted || limits == nil { unused.append(filter.filter) }
        }
        guard let limits else {
            if self.keepsSession { self.orphans.append(contentsOf: unused) }
            if let operation { effects.append(.complete(operation, .unsubscribed([]))) }
            return
        }
        self.sayFarewell(
            unused,
            operation: operation,
            properties: properties,
            limits: limits,
            exchanges: &exchanges,
            into: &effects
        )
    }

    /// UNSUBACK: false when the packet breaks the protocol.
    package mutating func unsubAck(_ packet: UnsubAck, into effects: inout [Effect]) -> Bool {
        guard let farewell = self.farewells[packet.packetID],
            packet.reasons.isEmpty || packet.reasons.count == farewell.filters.count
        else { return false }
        self.farewells[packet.packetID] = nil
        if let operation = farewell.operation {
            effects.append(.complete(operation, .unsubscribed(packet.reasons, packet.properties)))
        }
        return true
    }

    /// A connection stands.
    package mutating func connected(
        hasSubscriptions: Bool,
        mayHaveOthers: Bool,
        limits: NegotiatedLimits,
        exchanges: inout ExchangeTable,
        into effects: inout [Effect]
    ) {
        self.keepsSession = limits.sessionExpiry > 0
        let orphans = self.takeOrphans()
        if mayHaveOthers {
            self.sayFarewell(orphans, operation: nil, limits: limits, exchanges: &exchanges, into: &effects)
        }
        if !hasSubscriptions {
            for id in self.entries.keys { self.entries[id]?.setWanted() }
        }
        let wanted = self.entries.values.filter { $0.wanted > 0 }
        self.unchecked = wanted.sorted { $0.order < $1.order }.map(\.request.id)
        self.unsent = Deque(self.unchecked)
    }

    /// The link ended: a SUBSCRIBE without an answer is asked again on the next one.
    package mutating func linkLost(exchanges: inout ExchangeTable, into effects: inout [Effect]) {
        for (packetID, items) in self.asked {
            _ = exchanges.close(packetID)
            for item in items where self.entries[item.subscription]?.order == item.order {
                self.entries[item.subscription]?.set(.wanted, at: item.filter)
            }
        }
        self.asked = [:]
        if !self.keepsSession { self.orphans = [] }
        for (packetID, farewell) in self.farewells.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            _ = exchanges.close(packetID)
            if self.keepsSession { self.orphans.append(contentsOf: farewell.filters) }
            if let operation = farewell.operation { effects.append(.complete(operation, .unsubscribed([]))) }
        }
        self.farewells = [:]
    }

    /// The user disconnects: every subscription ends, without a word to the server.
    package mutating func removeAll(failure: EngineFailure, into effects: inout [Effect]) -> [SubscribeRequest] {
        let ended = self.entries.values.sorted { $0.order < $1.order }
        for entry in ended {
            if let operation = entry.operation { effects.append(.complete(operation, .failed(failure))) }
        }
        self.entries = [:]
        self.users = [:]
        self.unsent = []
        self.unchecked = []
        self.forgetAllOverlaps()
        return ended.map(\.request)
    }

    /// Filters to be given up, each once, without those that somebody wants again.
    mutating func takeOrphans() -> [TopicFilter] {
        var seen: Set<TopicFilter> = []
        let orphans = self.orphans.filter { self.users[$0] == nil && seen.insert($0).inserted }
        self.orphans = []
        return orphans
    }

    /// Asks the server to forget filters; the last packet of several carries the call.
    mutating func sayFarewell(
        _ filters: [TopicFilter],
        operation: OperationID?,
        properties: Properties = Properties(),
        limits: NegotiatedLimits,
        exchanges: inout ExchangeTable,
        into effects: inout [Effect]
    ) {
        var rest = filters[...]
        var operation = operation
        while !rest.isEmpty {
            let size = properties.userPropertiesSize
            let part = Array(rest.prefix(self.farewellCount(rest, properties: size, limits: limits)))
            guard let packetID = exchanges.open(ExchangeTable.Exchange(phase: .otherRequest)) else {
                // They are said when an identifier becomes free.
                self.orphans.append(contentsOf: rest)
                break
            }
            rest = rest.dropFirst(part.count)
            self.farewells[packetID] = Farewell(filters: part, operation: rest.isEmpty ? operation : nil)
            if rest.isEmpty { operation = nil }
            let filters = part.map(\.string)
            let packet = Unsubscribe(packetID: packetID, filters: filters, properties: properties)
            effects.append(.send(.unsubscribe(packet)))
        }
        if let operation { effects.append(.complete(operation, .unsubscribed([]))) }
    }

    /// How many of the filters go into one UNSUBSCRIBE: at least one, since the server took it in a SUBSCRIBE.
    private func farewellCount(
        _ filters: ArraySlice<TopicFilter>,
        properties: Int,
        limits: NegotiatedLimits
    ) -> Int {
        var bytes = Part.overhead + properties
        var count = 0
        for filter in filters.prefix(self.filtersPerSubscribe) {
            bytes += filter.subscribeSize
            guard count == 0 || bytes <= limits.maximumPacketSize else { break }
            count += 1
        }
        return count
    }
}
