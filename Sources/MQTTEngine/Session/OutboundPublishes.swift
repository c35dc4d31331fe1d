// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
package import MQTTWire

/// What became of a request to publish.
package enum PublishDecision: Equatable, Sendable {
    /// Write it now, under this identifier; nil at QoS 0.
    case send(PacketID?)
    /// It goes out later, by an effect.
    case queued
    /// It is QoS 0 and cannot go at once: hand it over with ``Engine/queue(_:operation:atMost:now:into:)``.
    case mustWait
    case refused(EngineFailure)
}

/// The sending half of QoS 1 and 2 across connections (MQTT 5.0, 4.3, 4.4, 4.9).
///
/// There is one order: what was sent on an earlier connection and not acknowledged, then what waits in the queue, then
/// new calls. A new message never overtakes an older one.
package struct OutboundPublishes: Sendable {
    struct Queued: Sendable {
        var frame: PublishFrame
        var operation: OperationID?
        var serial: UInt64
        var ticket: Ticket
        /// What is taken back by a certain time.
        var term = Term.none
        /// How many connections ended at the message.
        var failures: UInt8 = 0
    }

    /// By when a message has to be sent; kept apart, as few messages have one and all are moved through the queue.
    indirect enum Term: Sendable {
        case none
        /// The end of its caller's patience, and the end of its message expiry.
        case ends(patience: Instant?, expiry: Instant?)

        var expiry: Instant? { if case .ends(_, let expiry) = self { expiry } else { nil } }

        var end: Instant? {
            guard case .ends(let patience, let expiry) = self else { return nil }
            guard let patience, let expiry else { return patience ?? expiry }
            return min(patience, expiry)
        }
    }

    /// What an acknowledgement of the server did.
    package enum Verdict: Equatable {
        case accepted, ignored
        case violation(String)
    }

    package internal(set) var exchanges = ExchangeTable()
    var queue: Deque<Queued> = []
    /// What is sent before anything from the queue.
    var resend: Deque<PacketID> = []
    /// How many more messages may be in flight; below zero while a smaller limit has to be reached.
    var quota = 0
    var isConnected = false
    package internal(set) var pendingBytes = 0
    /// How many of the queue are QoS 0.
    var queuedUnacknowledged = 0
    /// What the server of this connection takes: messages that waited for it may have been made for another's limits.
    var limits: NegotiatedLimits
    /// The time of the last event.
    var now = Instant(nanoseconds: 0)
    /// When the first message of the queue has to be taken back; none has to be before.
    var queueEnd: Instant?
    /// Spreads messages out, when the server bounds their rate.
    var pacer: Pacer?
    /// When the next message may go, while one waits for that.
    var turn: Instant?
    let resendLimit: Int
    /// Records of the store that are no message any more; the store forgets them at the next connection.
    var unusable: [UInt64] = []
    private var nextSerial: UInt64 = 1
    private var releases: UInt64 = 0
    private let version: ProtocolVersion
    private let countLimit: Int
    private let bytesLimit: Int

    package init(configuration: EngineConfiguration) {
        self.version = configuration.version
        self.limits = NegotiatedLimits(configuration: configuration)
        self.pacer = configuration.publishesPerSecond.map { Pacer(perSecond: $0) }
        self.resendLimit = max(1, configuration.resendLimit)
        self.countLimit = configuration.pendingLimit
        self.bytesLimit = configuration.pendingBytesLimit
    }

    /// Messages that are neither acknowledged nor failed.
    package var pendingCount: Int { self.exchanges.count + self.queue.count }

    /// Whether a message of ours waits for the server's answer.
    package var isAwaitingReply: Bool { !self.exchanges.isEmpty }

    /// Takes a QoS 1 or 2 message; it has to be sent within `patience`, where there is one.
    package mutating func publish(
        _ frame: PublishFrame,
        operation: OperationID?,
        patience: Duration? = nil,
        now: () -> Instant,
        gate: inout StoreGate,
        into effects: inout [Effect]
    ) -> PublishDecision {
        guard self.hasRoom(for: frame) else { return .refused(self.fullQueue) }
        let serial = self.takeSerial()
        self.pendingBytes += frame.size
        let mayGo =
            self.isConnected && self.quota > 0 && self.queue.isEmpty && self.resend.isEmpty && self.takesTurn(now)
        guard mayGo, let operation,
            let id = self.open(frame, operation: operation, serial: serial, held: gate.isDurable)
        else {
            let record = { OutboundRecord(serial: serial, message: frame.message) }
            let ticket = gate.persist(.outboundAdded(record()), into: &effects)
            let term = self.term(of: frame, patience: patience, now: now)
            self.append(Queued(frame: frame, operation: operation, serial: serial, ticket: ticket, term: term))
            return .queued
        }
        guard gate.isDurable else { return .send(id) }
        let record = { OutboundRecord(serial: serial, packetID: id.rawValue, message: frame.message) }
        self.hold(id, until: gate.persist(.outboundAdded(record()), into: &effects), gate: &gate)
        return .queued
    }

    /// Whether a QoS 0 message may go at once: behind those that still wait, or messages of one topic would change places
    /// (MQTT 5.0, 4.6).
    @inline(__always)
    mutating func maySendUnacknowledged(_ now: () -> Instant) -> Bool {
        guard self.queuedUnacknowledged == 0 else { return false }
        return self.pacer == nil || self.takesTurn(now)
    }

    /// Keeps a QoS 0 message, in order with the others.
    package mutating func queueUnacknowledged(
        _ frame: PublishFrame,
        operation: OperationID?,
        patience: Duration?,
        now: Instant
    ) -> PublishDecision {
        guard self.hasRoom(for: frame) else { return .refused(self.fullQueue) }
        self.pendingBytes += frame.size
        self.queuedUnacknowledged += 1
        let term = self.term(of: frame, patience: patience) { now }
        self.append(Queued(frame: frame, operation: operation, serial: self.takeSerial(), ticket: .none, term: term))
        return .queued
    }

    @inline(__always)
    private func hasRoom(for frame: borrowing PublishFrame) -> Bool {
        self.pendingCount < self.countLimit && self.pendingBytes + frame.size <= self.bytesLimit
    }

    private var fullQueue: EngineFailure {
        EngineFailure(.queueFull, "\(self.pendingCount) messages are already waiting to be sent")
    }

    private mutating func append(_ queued: Queued) {
        self.queue.append(queued)
        guard let end = queued.term.end else {
            // Whoever waits for its turn is woken for it.
            if self.pacer != nil, self.isConnected, self.turn == nil { self.turn = self.pacer?.next }
            return
        }
        self.queueEnd = self.queueEnd.map { min($0, end) } ?? end
        if self.pacer != nil, self.isConnected, self.turn == nil { self.turn = self.pacer?.next }
    }

    /// Sends whatever may be sent, oldest first.
    package mutating func pump(gate: inout StoreGate, into effects: inout [Effect]) {
        guard self.isConnected, self.pumpResends(gate: &gate, into: &effects) else { return }
        while var next = self.queue.first {
            let isRefused = self.limits.mayRefuse(next.frame)
            if let refusal = (isRefused ? self.limits.refusal(of: next.frame) : nil) ?? self.shorten(&next) {
                self.queue.removeFirst()
                self.refuse(next, refusal, gate: &gate, into: &effects)
                continue
            }
            if next.frame.message.qos == .atMostOnce {
                guard self.takesTurn() else { return }
                self.pendingBytes -= next.frame.size
                self.queuedUnacknowledged -= 1
                effects.append(.sendUnacknowledged(next.frame))
                if let operation = next.operation {
                    effects.append(.complete(operation, .published(.success, Properties())))
                }
                self.queue.removeFirst()
                continue
            }
            guard self.quota > 0, gate.isConfirmed(next.ticket), self.takesTurn(),
                let id = self.open(next, held: gate.isDurable)
            else { return }
            self.queue.removeFirst()
            if gate.isDurable {
                let change = StoreChange.outboundAssigned(serial: next.serial, packetID: id.rawValue)
                self.hold(id, until: gate.persist(change, into: &effects), gate: &gate)
            } else {
                effects.append(.sendPublish(next.frame, packetID: id, duplicate: false))
            }
        }
    }

    private mutating func open(_ queued: Queued, held: Bool) -> PacketID? {
        let id = self.open(queued.frame, operation: queued.operation, serial: queued.serial, held: held)
        if let id, queued.failures > 0 { self.exchanges.update(id) { $0.failures = queued.failures } }
        return id
    }

    mutating func takeSerial() -> UInt64 {
        defer { self.nextSerial &+= 1 }
        return self.nextSerial
    }

    mutating func takeReleaseOrder() -> UInt64 {
        defer { self.releases &+= 1 }
        return self.releases
    }

    /// Serials of restored messages are taken.
    mutating func skipSerials(to serial: UInt64) { self.nextSerial = max(self.nextSerial, serial &+ 1) }

    var answersUnknownWithReason: Bool { self.version.hasProperties }

    /// Gives the message an identifier and takes it from the quota.
    mutating func open(
        _ frame: PublishFrame,
        operation: OperationID?,
        serial: UInt64,
        held: Bool
    ) -> PacketID? {
        let phase: ExchangeTable.Phase =
            held ? .held : frame.message.qos == .atLeastOnce ? .awaitingPubAck : .awaitingPubRec
        let exchange = ExchangeTable.Exchange(phase: phase, operation: operation, serial: serial)
        guard let id = self.exchanges.open(exchange, frame: frame) else { return nil }
        self.quota -= 1
        return id
    }

    private mutating func hold(_ id: PacketID, until ticket: Ticket, gate: inout StoreGate) {
        self.exchanges.update(id) { $0.ticket = ticket }
        gate.hold(.publish(id), until: ticket)
    }

    /// Sends again what the last connection left behind; false while the quota stands in the way.
    private mutating func pumpResends(gate: inout StoreGate, into effects: inout [Effect]) -> Bool {
        while let id = self.resend.first {
            switch self.exchanges.phase(of: id) {
            case .unsent, .ready:
                guard self.quota > 0, self.takesTurn() else { return false }
                self.quota -= 1
                self.sendPublish(id, gate: &gate, into: &effects)
            case .releaseReady:
                self.exchanges.update(id) { $0.phase = .awaitingPubComp }
                effects.append(.send(.pubRel(Acknowledgement(packetID: id))))
            default:
                break
            }
            self.resend.removeFirst()
        }
        return true
    }

    /// Sends the PUBLISH of an exchange that has its place in the quota already.
    mutating func sendPublish(_ id: PacketID, gate: inout StoreGate, into effects: inout [Effect]) {
        guard let exchange = self.exchanges[id], let frame = self.exchanges.frame(of: id) else { return }
        if let refusal = self.limits.refusal(of: frame) {
            _ = self.exchanges.close(id)
            self.quota += 1
            let queued = Queued(frame: frame, operation: exchange.operation, serial: exchange.serial, ticket: .none)
            self.refuse(queued, refusal, wasSent: exchange.phase == .unsent, gate: &gate, into: &effects)
            return
        }
        effects.append(.sendPublish(frame, packetID: id, duplicate: exchange.phase == .unsent))
        let phase: ExchangeTable.Phase = frame.message.qos == .atLeastOnce ? .awaitingPubAck : .awaitingPubRec
        self.exchanges.update(id) { $0.phase = phase }
    }

    /// Ends a message that waited for this connection, whose server does not take it: asking for ever would not help.
    mutating func refuse(
        _ message: Queued,
        _ refusal: EngineFailure,
        wasSent: Bool = false,
        gate: inout StoreGate,
        into effects: inout [Effect]
    ) {
        self.pendingBytes -= message.frame.size
        if message.frame.message.qos == .atMostOnce {
            self.queuedUnacknowledged -= 1
        } else {
            _ = gate.persist(.outboundFinished(serial: message.serial), into: &effects)
        }
        var failure = refusal
        if wasSent {
            failure.kind = .outcomeUnknown
            failure.message = "sent on an earlier connection and not acknowledged, and now \(refusal.message)"
        }
        if let operation = message.operation { effects.append(.complete(operation, .failed(failure))) }
    }
}
