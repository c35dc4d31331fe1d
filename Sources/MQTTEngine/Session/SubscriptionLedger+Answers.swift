// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

extension SubscriptionLedger {
    /// SUBACK: gives the subscriptions that end because of it, or nil when the packet breaks the protocol.
    package mutating func subAck(_ packet: SubAck, into effects: inout [Effect]) -> [Refused]? {
        guard let asked = self.asked.removeValue(forKey: packet.packetID), asked.count == packet.reasons.count else {
            return nil
        }
        var touched: [SubscriptionID] = []
        for (item, reason) in zip(asked, packet.reasons) {
            // The subscription may have gone, and its slot may belong to a new one.
            guard self.entries[item.subscription]?.order == item.order else { continue }
            self.entries[item.subscription]?.status[item.filter] = .answered(reason)
            if touched.last != item.subscription { touched.append(item.subscription) }
        }
        return touched.compactMap { self.settle($0, properties: packet.properties, into: &effects) }
    }

    /// Ends the call of a subscription all of whose filters have an answer.
    private mutating func settle(
        _ id: SubscriptionID,
        properties: Properties,
        into effects: inout [Effect]
    ) -> Refused? {
        guard let entry = self.entries[id] else { return nil }
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
            effects.append(.complete(operation, .subscribed(reasons)))
            self.entries[id]?.operation = nil
        }
        return nil
    }

    /// What the server said it does not do: those subscriptions end without being sent.
    package func unsupported(by limits: NegotiatedLimits) -> [Refused] {
        guard !limits.wildcardsAvailable || !limits.sharedSubscriptionsAvailable else { return [] }
        return self.unsent.compactMap { id in
            guard let entry = self.entries[id] else { return nil }
            for filter in entry.request.filters {
                let isShared = filter.filter.shareName != nil && !limits.sharedSubscriptionsAvailable
                guard isShared || (filter.filter.hasWildcards && !limits.wildcardsAvailable) else { continue }
                let what = isShared ? "shared subscriptions" : "wildcard filters"
                let failure = EngineFailure(
                    .notSupportedByServer,
                    reason: isShared ? .sharedSubscriptionsNotSupported : .wildcardSubscriptionsNotSupported,
                    filter: filter.filter.string,
                    "the server takes no \(what): \"\(filter.filter.string)\" was not sent"
                )
                return Refused(
                    request: entry.request,
                    operation: entry.operation,
                    failure: failure,
                    reason: failure.reason ?? .unspecifiedError
                )
            }
            return nil
        }
    }

    /// Forgets a subscription and asks the server to forget the filters nobody else uses.
    package mutating func remove(
        _ id: SubscriptionID,
        operation: OperationID?,
        isConnected: Bool,
        exchanges: inout ExchangeTable,
        into effects: inout [Effect]
    ) {
        guard let entry = self.entries.removeValue(forKey: id) else {
            if let operation { effects.append(.complete(operation, .unsubscribed([]))) }
            return
        }
        var unused: [TopicFilter] = []
        for (filter, status) in zip(entry.request.filters, entry.status) {
            self.users[filter.filter]?.removeAll { $0 == id }
            guard self.users[filter.filter]?.isEmpty != false else { continue }
            self.users[filter.filter] = nil
            if case .answered(let reason) = status, reason.isError { continue }
            // Before a connection, an earlier life of the session may hold the filter.
            if status != .wanted || !isConnected { unused.append(filter.filter) }
        }
        guard isConnected else {
            if self.keepsSession { self.orphans.append(contentsOf: unused) }
            if let operation { effects.append(.complete(operation, .unsubscribed([]))) }
            return
        }
        self.sayFarewell(unused, operation: operation, exchanges: &exchanges, into: &effects)
    }

    /// UNSUBACK: false when the packet breaks the protocol.
    package mutating func unsubAck(_ packet: UnsubAck, into effects: inout [Effect]) -> Bool {
        guard let farewell = self.farewells.removeValue(forKey: packet.packetID) else { return false }
        if let operation = farewell.operation { effects.append(.complete(operation, .unsubscribed(packet.reasons))) }
        return packet.reasons.isEmpty || packet.reasons.count == farewell.filters.count
    }

    /// A connection stands.
    package mutating func connected(
        sessionPresent: Bool,
        exchanges: inout ExchangeTable,
        into effects: inout [Effect]
    ) {
        let orphans = sessionPresent ? self.orphans.filter { self.users[$0] == nil } : []
        self.orphans = []
        self.sayFarewell(orphans, operation: nil, exchanges: &exchanges, into: &effects)
        if !sessionPresent {
            for id in self.entries.keys {
                for index in self.entries[id]?.status.indices ?? 0..<0 { self.entries[id]?.status[index] = .wanted }
            }
        }
        let wanted = self.entries.values.filter { $0.status.contains(.wanted) }
        self.unsent = wanted.sorted { $0.order < $1.order }.map(\.request.id)
    }

    /// The link ended: a SUBSCRIBE without an answer is asked again on the next one.
    package mutating func linkLost(exchanges: inout ExchangeTable, into effects: inout [Effect]) {
        for (packetID, items) in self.asked {
            _ = exchanges.close(packetID)
            for item in items where self.entries[item.subscription]?.order == item.order {
                self.entries[item.subscription]?.status[item.filter] = .wanted
            }
        }
        self.asked = [:]
        for (packetID, farewell) in self.farewells {
            _ = exchanges.close(packetID)
            if self.keepsSession {
                self.orphans.append(contentsOf: farewell.filters.compactMap { try? TopicFilter($0) })
            }
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
        return ended.map(\.request)
    }

    private mutating func sayFarewell(
        _ filters: [TopicFilter],
        operation: OperationID?,
        exchanges: inout ExchangeTable,
        into effects: inout [Effect]
    ) {
        var rest = filters.map(\.string)[...]
        var operation = operation
        while !rest.isEmpty {
            let part = Array(rest.prefix(self.filtersPerSubscribe))
            rest = rest.dropFirst(part.count)
            let exchange = ExchangeTable.Exchange(phase: .otherRequest, frame: nil, operation: nil, serial: 0)
            guard let packetID = exchanges.open(exchange) else { break }
            // The last packet of several carries the call.
            self.farewells[packetID] = Farewell(filters: part, operation: rest.isEmpty ? operation : nil)
            if rest.isEmpty { operation = nil }
            effects.append(.send(.unsubscribe(Unsubscribe(packetID: packetID, filters: part))))
        }
        if let operation { effects.append(.complete(operation, .unsubscribed([]))) }
    }
}
