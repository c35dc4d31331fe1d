// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Synchronization

extension Link {
    /// A request uses the subscription to its reply, which is made when there is none; it goes out when that stands.
    func join(
        _ number: UInt64,
        _ filter: TopicFilter,
        qos: QoS,
        _ attempt: UInt64,
        _ table: inout PendingRequests,
        _ work: inout RequestWork
    ) {
        guard let known = table.subscriptions[filter], known.qos >= qos else {
            self.ask(for: filter, qos: qos, &table, &work)
            table.subscriptions[filter]?.users += 1
            table.subscriptions[filter]?.unsent.append(number)
            return
        }
        table.subscriptions[filter]?.users += 1
        switch known.status {
        case .standing(attempt):
            self.send(number, &table, &work)
        case .asking:
            table.subscriptions[filter]?.unsent.append(number)
        case .standing, .unconfirmed:
            table.subscriptions[filter]?.unsent.append(number)
            self.confirm(filter, known.core, &table, &work)
        }
    }

    /// Sends SUBSCRIBE, also in place of a subscription with a lower QoS.
    ///
    /// The server replaces the one by the other without losing a message (MQTT 5.0, 3.8.4).
    private func ask(
        for filter: TopicFilter,
        qos: QoS,
        _ table: inout PendingRequests,
        _ work: inout RequestWork
    ) {
        let old = table.subscriptions[filter]
        if case .asking(let operation) = old?.status { table.asking[operation] = nil }
        let number = table.makeNumber()
        // What was retained is older than any request.
        let options = SubscriptionOptions(qos: qos, retainHandling: .doNotSend)
        let filters = [SubscribeRequest.Filter(filter, options: options)]
        let settings = SubscriptionSettings(acknowledgement: .onArrival)
        let core = self.makeSubscription(filters, settings, takesReplies: true)
        let request = SubscribeRequest(id: core.id, filters: filters, acknowledgesLater: false)
        let after = self.state.withLock { state in
            let operation = OperationID(.request, number)
            let now = { self.world.now }
            state.engine.subscribe(request, operation: operation, now: now, into: &state.effects)
            if let old, state.subscriptions[Int(old.core.id.rawValue)] === old.core {
                state.engine.unsubscribe(old.core.id, operation: nil, into: &state.effects)
                _ = self.release(old.core.id, &state)
            }
            return self.settle(&state)
        }
        work.aftermaths.append(after)
        table.asking[number] = filter
        var subscription = ReplySubscription(core: core, qos: qos, status: .asking(number))
        subscription.users = old?.users ?? 0
        subscription.unsent = old?.unsent ?? []
        table.subscriptions[filter] = subscription
    }

    /// Learns when a subscription stands on the connection that came after the one it was made on.
    private func confirm(
        _ filter: TopicFilter,
        _ core: SubscriptionCore,
        _ table: inout PendingRequests,
        _ work: inout RequestWork
    ) {
        let number = table.makeNumber()
        table.asking[number] = filter
        table.subscriptions[filter]?.status = .asking(number)
        let after = self.state.withLock { state in
            let operation = OperationID(.request, number)
            state.engine.awaitSubscription(core.id, operation: operation, into: &state.effects)
            return self.settle(&state)
        }
        work.aftermaths.append(after)
    }

    /// The server's answer to the SUBSCRIBE of an operation.
    func subscriptionAnswered(
        _ filter: TopicFilter,
        _ completion: Completion,
        attempt: UInt64,
        _ table: inout PendingRequests,
        _ work: inout RequestWork
    ) {
        switch completion {
        case .failed(let failure):
            self.drop(filter, MQTTError(failure), &table, &work)
        default:
            table.subscriptions[filter]?.status = .standing(attempt: attempt)
            let unsent = table.subscriptions[filter]?.unsent ?? []
            table.subscriptions[filter]?.unsent = []
            for number in unsent { self.send(number, &table, &work) }
        }
    }

    /// A subscription to replies has ended by itself: refused, or with the client's last connection.
    func replySubscriptionEnded(_ core: SubscriptionCore, _ error: MQTTError?) {
        self.changeRequests { table, work in
            let filter = core.filters[0]
            guard table.subscriptions[filter]?.core === core else { return }
            let error = error ?? MQTTError(.clientClosed, "the client was disconnected")
            self.drop(filter, error, &table, &work)
        }
    }

    /// Ends everything that depends on a subscription.
    private func drop(
        _ filter: TopicFilter,
        _ error: MQTTError,
        _ table: inout PendingRequests,
        _ work: inout RequestWork
    ) {
        guard let subscription = table.subscriptions.removeValue(forKey: filter) else { return }
        if case .asking(let operation) = subscription.status { table.asking[operation] = nil }
        work.leaving.append(subscription.core)
        let users = table.requests.filter { $0.value.address?.filter == filter }
        for number in users.keys.sorted() {
            if error.code == .notConnected, users[number]?.waits == true {
                self.putBack(number, &table, &work)
            } else {
                self.end(number, .failure(error), &table, &work)
            }
        }
    }

    /// A request needs its subscription no longer.
    func leaveSubscription(_ number: UInt64, _ table: inout PendingRequests, _ work: inout RequestWork) {
        guard let address = table.requests[number]?.address else { return }
        table.requests[number]?.address = nil
        table.forget(address)
        guard var subscription = table.subscriptions[address.filter] else { return }
        subscription.users -= 1
        if case .subscribing = table.requests[number]?.phase { subscription.unsent.removeAll { $0 == number } }
        if subscription.users == 0 {
            subscription.idleSince = self.world.now
            if self.settings.requests.idleLimit <= .zero {
                table.subscriptions[address.filter] = nil
                if case .asking(let operation) = subscription.status { table.asking[operation] = nil }
                work.leaving.append(subscription.core)
                return
            }
            if !subscription.isWatched { work.watched.append((address.filter, subscription.core)) }
            subscription.isWatched = true
        }
        table.subscriptions[address.filter] = subscription
    }

    /// Has a subscription without requests looked at when it has been without them for long enough.
    func watch(_ filter: TopicFilter, _ core: SubscriptionCore, from begin: Instant) {
        let end = begin.advanced(by: self.settings.requests.idleLimit)
        _ = self.schedule(at: end) { link in link.lookAt(filter, core) }
    }

    /// Unsubscribes from what no request has used for long enough.
    private func lookAt(_ filter: TopicFilter, _ core: SubscriptionCore) {
        var begin: Instant?
        self.changeRequests { table, work in
            guard let subscription = table.subscriptions[filter], subscription.core === core else { return }
            table.subscriptions[filter]?.isWatched = false
            guard subscription.users == 0 else { return }
            guard self.world.now < subscription.idleSince.advanced(by: self.settings.requests.idleLimit) else {
                table.subscriptions[filter] = nil
                if case .asking(let operation) = subscription.status { table.asking[operation] = nil }
                work.leaving.append(core)
                return
            }
            table.subscriptions[filter]?.isWatched = true
            begin = subscription.idleSince
        }
        if let begin { self.watch(filter, core, from: begin) }
    }
}
