// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import DequeModule
package import MQTTWire

extension OutboundPublishes {
    /// The link ended: whatever was under way is to be sent again.
    package mutating func linkLost() {
        self.isConnected = false
        self.turn = nil
        self.resend.removeAll()
        self.exchanges.updateOldestSent { if $0.failures < .max { $0.failures += 1 } }
        self.exchanges.updateAll { exchange in
            switch exchange.phase {
            case .awaitingPubAck, .awaitingPubRec: exchange.phase = .unsent
            case .awaitingPubComp: exchange.phase = .releaseReady
            default: break
            }
        }
    }

    /// A connection stands, and the server still has the session: send again, in the original order (MQTT 5.0, 4.4).
    package mutating func sessionResumed(limits: NegotiatedLimits, gate: inout StoreGate, into effects: inout [Effect])
    {
        self.begin(limits, gate: &gate, into: &effects)
        var releases: [(order: UInt64, id: PacketID)] = []
        var publishes: [PacketID] = []
        // Exchanges the server may still count against its receive maximum keep their place in the quota.
        var reserved = 0
        for (id, exchange) in self.exchanges.inOrder {
            if self.setAside(id, exchange, gate: &gate, into: &effects) { continue }
            switch exchange.phase {
            case .unsent, .ready:
                publishes.append(id)
            case .releaseReady:
                releases.append((exchange.releaseOrder, id))
                reserved += 1
            case .held:
                reserved += 1
            case .releaseHeld:
                reserved += 1
                // The store failed when the last connection stood: ask it again.
                if gate.isConfirmed(exchange.ticket) { self.holdRelease(id, exchange.serial, &gate, &effects) }
            default:
                break
            }
        }
        self.quota -= reserved
        self.resend.append(contentsOf: releases.sorted { $0.order < $1.order }.map(\.id))
        self.resend.append(contentsOf: publishes)
        self.pump(gate: &gate, into: &effects)
    }

    /// A connection stands, and the server has no session: publish anew what it cannot have taken for good.
    package mutating func sessionStarted(limits: NegotiatedLimits, gate: inout StoreGate, into effects: inout [Effect])
    {
        self.begin(limits, gate: &gate, into: &effects)
        var anew: [Queued] = []
        for (id, exchange) in self.exchanges.inOrder {
            if self.setAside(id, exchange, gate: &gate, into: &effects) { continue }
            if let frame = self.exchanges.frame(of: id) {
                anew.append(
                    Queued(
                        frame: frame,
                        operation: exchange.operation,
                        serial: exchange.serial,
                        ticket: exchange.phase == .held ? exchange.ticket : .none,
                        failures: exchange.failures
                    )
                )
            } else if exchange.phase != .otherRequest {
                // The server had the message, and then forgot the session: whether it passed it on, nobody can tell.
                _ = gate.persist(.outboundFinished(serial: exchange.serial), into: &effects)
                if let operation = exchange.operation {
                    let words = "the server lost the session between PUBREC and PUBCOMP"
                    effects.append(.complete(operation, .failed(EngineFailure(.outcomeUnknown, words))))
                }
            }
        }
        gate.forgetHeld()
        self.exchanges.removeAll()
        self.queue.insert(contentsOf: anew, at: 0)
        self.pump(gate: &gate, into: &effects)
    }

    /// Ends a message at which too many connections ended: sending it once more would end this one too.
    private mutating func setAside(
        _ id: PacketID,
        _ exchange: ExchangeTable.Exchange,
        gate: inout StoreGate,
        into effects: inout [Effect]
    ) -> Bool {
        guard exchange.phase == .unsent, Int(exchange.failures) >= self.resendLimit else { return false }
        guard let ended = self.exchanges.close(id) else { return false }
        self.pendingBytes -= ended.size
        _ = gate.persist(.outboundFinished(serial: ended.serial), into: &effects)
        let words =
            "sent on \(ended.failures) connections, each of which ended before it was acknowledged; not sent again"
        if let operation = ended.operation {
            effects.append(.complete(operation, .failed(EngineFailure(.outcomeUnknown, words))))
        }
        return true
    }

    private mutating func begin(_ limits: NegotiatedLimits, gate: inout StoreGate, into effects: inout [Effect]) {
        self.isConnected = true
        self.limits = limits
        self.quota = limits.receiveMaximum
        for serial in self.unusable { _ = gate.persist(.outboundFinished(serial: serial), into: &effects) }
        self.unusable = []
    }

    /// What the store confirmed may be sent.
    package mutating func confirmed(_ item: StoreGate.Held, gate: inout StoreGate, into effects: inout [Effect]) {
        switch item {
        case .publish(let id):
            guard self.exchanges.phase(of: id) == .held else { return }
            self.exchanges.update(id) { $0.phase = .ready }
            guard self.isConnected else { return }
            if self.resend.isEmpty, self.quota >= 0 {
                self.sendPublish(id, gate: &gate, into: &effects)
            } else {
                // Older messages are still to be sent again, or more were held than this server takes at once.
                self.quota += 1
                self.resend.append(id)
            }
        case .release(let id):
            guard self.exchanges.phase(of: id) == .releaseHeld else { return }
            self.exchanges.update(id) { $0.phase = self.isConnected ? .awaitingPubComp : .releaseReady }
            if self.isConnected { effects.append(.send(.pubRel(Acknowledgement(packetID: id)))) }
        case .answer(let answer):
            effects.append(.answer(answer))
        }
    }

    /// The store could not keep what lies between the tickets: messages that were not sent yet fail.
    package mutating func failUnsent(
        after confirmed: Ticket,
        through ticket: Ticket,
        failure: EngineFailure,
        gate: inout StoreGate,
        into effects: inout [Effect]
    ) {
        let fails = { (candidate: Ticket) in candidate > confirmed && candidate <= ticket }
        for (id, exchange) in self.exchanges.inOrder where exchange.phase == .held && fails(exchange.ticket) {
            guard let ended = self.exchanges.close(id) else { continue }
            self.quota += 1
            self.fail(ended.operation, serial: ended.serial, size: ended.size, failure, gate: &gate, into: &effects)
        }
        for queued in self.queue where fails(queued.ticket) {
            let size = queued.frame.size
            self.fail(queued.operation, serial: queued.serial, size: size, failure, gate: &gate, into: &effects)
        }
        self.queue.removeAll { fails($0.ticket) }
    }

    private mutating func fail(
        _ operation: OperationID?,
        serial: UInt64,
        size: Int,
        _ failure: EngineFailure,
        gate: inout StoreGate,
        into effects: inout [Effect]
    ) {
        self.pendingBytes -= size
        // Part of the message may have been kept: it must not come back after a restart.
        _ = gate.persist(.outboundFinished(serial: serial), into: &effects)
        if let operation { effects.append(.complete(operation, .failed(failure))) }
    }

    /// Ends every call; what the server may still ask about stays if the session is kept.
    package mutating func abandonCalls(
        failure cause: EngineFailure,
        keepingSession: Bool,
        gate: inout StoreGate,
        into effects: inout [Effect]
    ) {
        // What a store keeps goes out with the next connection, whoever makes it.
        let isDurable = gate.isDurable
        let stays = { (queued: Queued) in isDurable && queued.frame.message.qos != .atMostOnce }
        for index in self.queue.indices {
            let queued = self.queue[index]
            var failure = cause
            failure.message = (stays(queued) ? "kept in the store, not sent yet: " : "never sent: ") + cause.message
            if stays(queued) { failure.kind = .outcomeUnknown } else { self.pendingBytes -= queued.frame.size }
            if let operation = queued.operation { effects.append(.complete(operation, .failed(failure))) }
            self.queue[index].operation = nil
        }
        self.queue.removeAll { !stays($0) }
        self.queuedUnacknowledged = 0
        for (id, exchange) in self.exchanges.inOrder where exchange.phase != .otherRequest {
            let words = "sent, but not acknowledged before the end: \(cause.message)"
            let failure = EngineFailure(.outcomeUnknown, reason: cause.reason, words)
            if let operation = exchange.operation { effects.append(.complete(operation, .failed(failure))) }
            if keepingSession || isDurable {
                self.exchanges.update(id) { $0.operation = nil }
            } else {
                self.pendingBytes -= self.exchanges.close(id)?.size ?? 0
                _ = gate.persist(.outboundFinished(serial: exchange.serial), into: &effects)
            }
        }
    }

    /// Takes over what a store kept.
    ///
    /// Messages without an identifier were never sent.
    ///
    /// A store may have been damaged: what makes no sense is left out, and never sent.
    package mutating func restore(_ records: [OutboundRecord], version: ProtocolVersion) {
        for record in records {
            self.skipSerials(to: record.serial)
            let id = record.packetID.flatMap(PacketID.init)
            if record.phase == .releasing {
                guard let id, self.exchanges.phase(of: id) == .vacant else {
                    self.unusable.append(record.serial)
                    continue
                }
                var exchange = ExchangeTable.Exchange(phase: .releaseReady, serial: record.serial)
                exchange.releaseOrder = self.takeReleaseOrder()
                self.exchanges.restore(exchange, frame: nil, id: id)
                continue
            }
            guard let message = record.message, message.qos != .atMostOnce,
                let frame = try? PublishFrame(message, version: version)
            else {
                self.unusable.append(record.serial)
                continue
            }
            self.pendingBytes += frame.size
            if let id, self.exchanges.phase(of: id) == .vacant {
                let exchange = ExchangeTable.Exchange(phase: .unsent, serial: record.serial)
                self.exchanges.restore(exchange, frame: frame, id: id)
            } else {
                // Never sent; or its identifier is of a session that was lost, and has gone to another message since.
                self.queue.append(Queued(frame: frame, operation: nil, serial: record.serial, ticket: .none))
            }
        }
    }
}
