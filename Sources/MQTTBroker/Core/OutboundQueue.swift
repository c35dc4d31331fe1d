// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
import MQTTWire
import NIOCore

/// What a session owes its client: messages that wait, and those under way with their packet identifiers (MQTT 5.0, 4.3, 4.4).
///
/// It survives the connection. What was under way is sent again, in its order and under its identifiers, when the client
/// comes back; how much is under way at once is bounded by the window of the connection (4.9).
struct OutboundQueue: Sendable {
    private struct Exchange: Sendable {
        /// nil once PUBREC came: from then on only PUBREL is sent.
        var delivery: OutgoingDelivery?
        let qos: QoS
        /// Where it stands among those to be sent again.
        var order: UInt64
        /// Whether it takes a place of this connection's window.
        var isUnderWay: Bool
    }

    /// What is to be put on the wire next.
    enum Step {
        case publish(OutgoingDelivery, PacketID?, duplicate: Bool)
        case release(PacketID)
        case expired(OutgoingDelivery)
    }

    private var waiting: Deque<OutgoingDelivery> = []
    private var exchanges: [PacketID: Exchange] = [:]
    private var toRepeat: Deque<PacketID> = []
    private var lastID: PacketID?
    private var lastOrder: UInt64 = 0
    private var window = 0
    private var underWay = 0

    /// The bytes of all messages held.
    private(set) var bytes = 0
    /// How many of those that wait have QoS 0: a later one may not overtake them.
    private(set) var waitingQoS0 = 0

    init() {}

    var waitingCount: Int { self.waiting.count }
    var exchangeCount: Int { self.exchanges.count }

    /// Whether a message of QoS 1 or 2 would leave at once.
    var hasRoom: Bool { self.waiting.isEmpty && self.toRepeat.isEmpty && self.underWay < self.window }

    /// Takes a message; false when it has to be dropped.
    mutating func append(_ delivery: OutgoingDelivery, limits: BrokerProfile) -> Bool {
        let size = delivery.message.size
        guard self.waiting.count < limits.queuedMessages || self.hasRoom else { return false }
        guard self.bytes == 0 || self.bytes + size <= limits.queuedBytes else { return false }
        self.waiting.append(delivery)
        self.bytes += size
        if delivery.qos == .atMostOnce { self.waitingQoS0 += 1 }
        return true
    }

    /// A connection begins: everything that was under way goes again, PUBRELs first, each kind in its order (MQTT-4.4.0-1).
    mutating func begin(window: Int) {
        self.window = window
        self.underWay = 0
        let ordered = self.exchanges.sorted { left, right in
            let released = (left.value.delivery == nil, right.value.delivery == nil)
            return released.0 == released.1 ? left.value.order < right.value.order : released.0
        }
        self.toRepeat = Deque(ordered.map(\.key))
    }

    /// The connection is over: nothing is under way, and QoS 0 does not wait for the next one.
    mutating func end() {
        self.window = 0
        self.underWay = 0
        self.toRepeat = []
        for id in self.exchanges.keys { self.exchanges[id]?.isUnderWay = false }
        guard self.waitingQoS0 > 0 else { return }
        for delivery in self.waiting where delivery.qos == .atMostOnce { self.bytes -= delivery.message.size }
        self.waiting.removeAll { $0.qos == .atMostOnce }
        self.waitingQoS0 = 0
    }

    /// The next step, nil when nothing waits or the window is full.
    mutating func next(now: NIODeadline) -> Step? {
        while let id = self.toRepeat.first {
            guard let exchange = self.exchanges[id], !exchange.isUnderWay else {
                self.toRepeat.removeFirst()
                continue
            }
            guard exchange.delivery == nil || self.underWay < self.window else { return nil }
            self.toRepeat.removeFirst()
            self.exchanges[id]?.isUnderWay = true
            self.underWay += 1
            // MQTT-4.3.3-7: what was sent before does not expire.
            return exchange.delivery.map { .publish($0, id, duplicate: true) } ?? .release(id)
        }
        return self.nextWaiting(now: now)
    }

    private mutating func nextWaiting(now: NIODeadline) -> Step? {
        guard let delivery = self.waiting.first else { return nil }
        let size = delivery.message.size
        if delivery.message.isExpired(now: now) {
            self.removeFirst(size)
            return .expired(delivery)
        }
        guard delivery.qos != .atMostOnce else {
            self.removeFirst(size)
            return .publish(delivery, nil, duplicate: false)
        }
        guard self.underWay < self.window, let id = self.unusedID() else { return nil }
        self.removeFirst(size)
        self.bytes += size
        self.lastOrder &+= 1
        self.exchanges[id] = Exchange(delivery: delivery, qos: delivery.qos, order: self.lastOrder, isUnderWay: true)
        self.underWay += 1
        return .publish(delivery, id, duplicate: false)
    }

    private mutating func removeFirst(_ size: Int) {
        let delivery = self.waiting.removeFirst()
        self.bytes -= size
        if delivery.qos == .atMostOnce { self.waitingQoS0 -= 1 }
    }

    /// MQTT-2.2.1-4: never one of an exchange that goes on.
    private mutating func unusedID() -> PacketID? {
        guard self.exchanges.count < 65_535 else { return nil }
        var id = self.lastID?.next ?? .first
        while self.exchanges[id] != nil { id = id.next }
        self.lastID = id
        return id
    }
}

// MARK: - Acknowledgements

extension OutboundQueue {
    /// What an acknowledgement was found to be.
    enum Verdict: Hashable {
        case expected
        /// No exchange has this identifier.
        case unknown
        /// The exchange is one that this packet has no place in.
        case outOfPlace
    }

    /// PUBACK came, of any reason (MQTT-4.3.2-3, MQTT-4.4.0-2).
    mutating func acknowledged(_ id: PacketID) -> Verdict {
        guard let exchange = self.exchanges[id] else { return .unknown }
        guard exchange.qos == .atLeastOnce else { return .outOfPlace }
        self.finish(id)
        return .expected
    }

    /// PUBREC came; one of an error ends the exchange (MQTT-4.3.3-4, MQTT-4.4.0-2).
    mutating func received(_ id: PacketID, isError: Bool) -> Verdict {
        guard let exchange = self.exchanges[id] else { return .unknown }
        guard exchange.qos == .exactlyOnce else { return .outOfPlace }
        guard !isError else {
            self.finish(id)
            return .expected
        }
        guard let delivery = exchange.delivery else { return .expected }
        self.bytes -= delivery.message.size
        self.lastOrder &+= 1
        self.exchanges[id]?.delivery = nil
        self.exchanges[id]?.order = self.lastOrder
        return .expected
    }

    /// PUBCOMP came (MQTT-4.3.3-5).
    mutating func completed(_ id: PacketID) -> Verdict {
        guard let exchange = self.exchanges[id] else { return .unknown }
        guard exchange.qos == .exactlyOnce, exchange.delivery == nil else { return .outOfPlace }
        self.finish(id)
        return .expected
    }

    /// A message cannot be sent to this client: it counts as delivered (MQTT-3.1.2-25).
    mutating func discard(_ id: PacketID) { self.finish(id) }

    private mutating func finish(_ id: PacketID) {
        guard let exchange = self.exchanges.removeValue(forKey: id) else { return }
        if exchange.isUnderWay { self.underWay -= 1 }
        if let delivery = exchange.delivery { self.bytes -= delivery.message.size }
    }

    /// Messages of shared subscriptions that others may have, in their order, when the session ends (MQTT 5.0, 4.8.2).
    ///
    /// Those of QoS 2 that were begun are not moved (MQTT-4.8.2-5).
    var unacknowledgedShares: [OutgoingDelivery] {
        let begun = self.exchanges.values
            .filter { $0.qos == .atLeastOnce && $0.delivery?.share != nil }
            .sorted { $0.order < $1.order }
            .compactMap(\.delivery)
        return begun + self.waiting.filter { $0.share != nil }
    }
}
