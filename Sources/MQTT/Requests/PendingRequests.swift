// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import MQTTEngine
import MQTTWire
import NIOCore

typealias RequestContinuation = CheckedContinuation<Result<MQTTMessage, MQTTError>, Never>

/// A call that waits for the reply to its request.
struct PendingRequest {
    enum Phase {
        /// Too many are under way. Next: ready.
        case queued
        /// There may be no connection. Next: subscribing.
        case ready
        /// Its subscription to replies does not stand yet. Next: sent, ready.
        case subscribing
        /// A reply is awaited. Next: none.
        case sent
    }

    let message: OutgoingMessage
    /// Whether it goes on waiting without a connection.
    let waits: Bool
    let continuation: RequestContinuation
    var phase = Phase.queued
    /// Known from the time there was a connection.
    var address: ReplyAddress?
    var frame: PublishFrame?
}

/// A subscription to replies, which requests share.
struct ReplySubscription {
    enum Status {
        /// SUBACK is due; known by the number of the operation. Next: standing.
        case asking(UInt64)
        /// It was confirmed on the connection of this attempt. Next: unconfirmed.
        case standing(attempt: UInt64)
        /// The connection ended: the server may have forgotten it. Next: asking.
        case unconfirmed
    }

    let core: SubscriptionCore
    let qos: QoS
    var status: Status
    /// Requests that use it.
    var users = 0
    /// Requests that go out when it stands, oldest first.
    var unsent: [UInt64] = []
    /// When the last request left it.
    var idleSince = Instant(nanoseconds: 0)
    /// Whether somebody looks later whether it is still needed.
    var isWatched = false
}

/// The requests of a client that have no reply yet, found by the topic and the correlation data of the reply.
struct PendingRequests {
    let topics = ReplyTopics()
    var requests: [UInt64: PendingRequest] = [:]
    /// Those that wait for their turn, oldest first; some of them may have ended.
    var queue: Deque<UInt64> = []
    /// How many are under way.
    var active = 0
    var subscriptions: [TopicFilter: ReplySubscription] = [:]
    /// The filters that SUBACK is due for, by the numbers of the operations.
    var asking: [UInt64: TopicFilter] = [:]
    private var expected: [String: [ByteBuffer: UInt64]] = [:]
    private var last: UInt64 = 0

    /// A number for a request or an operation; none is given twice.
    mutating func makeNumber() -> UInt64 {
        self.last += 1
        return self.last
    }

    /// Whether nothing is kept any more.
    var isEmpty: Bool { self.requests.isEmpty && self.subscriptions.isEmpty && self.expected.isEmpty }

    /// Notes where the reply to a request is expected; false when another one expects the same.
    mutating func expect(_ address: ReplyAddress, for number: UInt64) -> Bool {
        guard self.expected[address.topic]?[address.correlation] == nil else { return false }
        self.expected[address.topic, default: [:]][address.correlation] = number
        return true
    }

    /// A reply to a request is expected no longer.
    mutating func forget(_ address: ReplyAddress) {
        self.expected[address.topic]?[address.correlation] = nil
        if self.expected[address.topic]?.isEmpty == true { self.expected[address.topic] = nil }
    }

    /// The request a message answers.
    ///
    /// A reply without correlation data answers the only request its topic can be meant for, if there is just one.
    func request(topic: String, correlation: ByteBuffer?) -> UInt64? {
        guard let expected = self.expected[topic] else { return nil }
        let number: UInt64?
        if let correlation {
            number = expected[correlation]
        } else {
            number = expected.count == 1 ? expected.first?.value : nil
        }
        guard let number, case .sent = self.requests[number]?.phase else { return nil }
        return number
    }
}
