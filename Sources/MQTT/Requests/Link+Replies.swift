// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire
import Synchronization

extension MQTTError {
    /// The user property of a reply that says why there is no other.
    static let replyProperty = "mqtt-error"
}

extension Link {
    /// Sends a request whose subscription stands.
    func send(_ number: UInt64, _ table: inout PendingRequests, _ work: inout RequestWork) {
        guard let request = table.requests[number], case .subscribing = request.phase, let frame = request.frame,
            let filter = request.address?.filter,
            case .standing(let attempt) = table.subscriptions[filter]?.status
        else { return }
        // Before it is: its reply may come at once.
        table.requests[number]?.phase = .sent
        var isLost = false
        var refusal: EngineFailure?
        self.state.withLock { state in
            guard state.attempt == attempt, state.engine.isConnected else {
                isLost = true
                return
            }
            switch self.publishOrQueue(frame, OperationID(.request, number), nil, &state) {
            case .send(let packetID):
                state.outbox.append(frame, packetID: packetID, duplicate: false)
                if state.mustWake() { work.mustWake = true }
            case .queued, .mustWait:
                break
            case .refused(let failure):
                refusal = failure
            }
            if self.mustSettle(state) { work.aftermaths.append(self.settle(&state)) }
        }
        if isLost {
            table.subscriptions[filter]?.status = .unconfirmed
            self.putBack(number, &table, &work)
        } else if let refusal {
            self.end(number, .failure(MQTTError(refusal)), &table, &work)
        }
    }

    /// Messages came for a subscription to replies.
    func receivedReplies(_ run: MessageRun, _ range: Range<Int>, by core: SubscriptionCore) {
        let messages = range.map { MQTTMessage(run: run, index: $0) }
        // Read before the lock is taken.
        let contents = messages.map { (topic: $0.topic, properties: $0.properties) }
        self.changeRequests { table, work in
            for (message, content) in zip(messages, contents) {
                let correlation = content.properties.correlationData
                // What the server had kept is older than the request.
                guard !message.retain, let number = table.request(topic: content.topic, correlation: correlation)
                else {
                    // The one that took its place has it, or had it, as well.
                    if table.subscriptions[core.filters[0]]?.core === core { work.unmatched.append(content.topic) }
                    continue
                }
                self.end(number, Self.result(message, content.properties), &table, &work)
            }
        }
    }

    private static func result(_ message: MQTTMessage, _ properties: Properties) -> Result<MQTTMessage, MQTTError> {
        for case .userProperty(MQTTError.replyProperty, let words) in properties {
            return .failure(MQTTError(.requestFailed, words, properties: properties))
        }
        return .success(message)
    }

    /// What became of the SUBSCRIBE and PUBLISH packets of requests.
    func requestsCompleted(_ completed: [(number: UInt64, completion: Completion, attempt: UInt64)]) {
        self.changeRequests { table, work in
            for (number, completion, attempt) in completed {
                if let filter = table.asking.removeValue(forKey: number) {
                    self.subscriptionAnswered(filter, completion, attempt: attempt, &table, &work)
                } else if table.requests[number] != nil, let error = Self.refusal(completion) {
                    self.end(number, .failure(error), &table, &work)
                }
            }
        }
    }

    /// Why no reply to a request can come.
    private static func refusal(_ completion: Completion) -> MQTTError? {
        do throws(MQTTError) {
            let outcome = try completion.publishOutcome()
            guard outcome.hasNoSubscribers else { return nil }
            let words = "nobody subscribes to the topic of the request"
            return MQTTError(.noResponder, words, reason: outcome.reason, properties: outcome.properties)
        } catch {
            return error
        }
    }

    /// What happened to the connection.
    func requestsLearn(of events: [EngineEvent]) {
        for event in events {
            switch event {
            case .connected: self.changeRequests { self.prepareAll(&$0, &$1) }
            case .disconnected(let failure): self.requestsLoseConnection(failure)
            default: break
            }
        }
    }

    /// The connection ended, or none could be made.
    private func requestsLoseConnection(_ failure: EngineFailure) {
        self.changeRequests { table, work in
            for (filter, subscription) in table.subscriptions {
                if case .standing = subscription.status { table.subscriptions[filter]?.status = .unconfirmed }
            }
            let isActive = self.state.withLock { $0.engine.isActive }
            var error = MQTTError(failure)
            if failure.kind != .closed, isActive {
                let words = "the connection ended before the reply came: \(failure.message)"
                error = MQTTError(.connectionLost, words, reason: failure.reason, cause: error.cause)
            }
            for number in table.requests.keys.sorted() {
                guard let request = table.requests[number] else { continue }
                if !isActive || !request.waits {
                    self.end(number, .failure(error), &table, &work)
                } else if case .subscribing = request.phase {
                    self.leaveSubscription(number, &table, &work)
                    table.requests[number]?.phase = .ready
                }
            }
        }
    }
}
