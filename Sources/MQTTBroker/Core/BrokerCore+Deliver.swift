// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

/// The receivers of one message of QoS 0 who all get the same packet.
struct FanOut {
    let message: BrokerMessage
    /// So many that aliases, which make every packet another, are not worth it.
    var isWide = false
    /// By what their packet says: RETAIN and properties or not.
    private(set) var receivers: [[ConnectionID]] = [[], [], [], []]
    /// What the packet takes in 5.0, once somebody asked.
    private var size: Int?

    static let wide = 32

    init(_ message: BrokerMessage) { self.message = message }

    mutating func add(_ connection: ConnectionID, retain: Bool, hasProperties: Bool) {
        let isRich = hasProperties && !self.message.properties.isEmpty
        self.receivers[(retain ? 2 : 0) + (isRich ? 1 : 0)].append(connection)
    }

    /// Whether a 5.0 client with this bound can be sent the message.
    mutating func fits(_ maximum: Int, now: NIODeadline) -> Bool {
        let packet = self.packet(retain: false, isRich: true, now: now)
        let size = self.size ?? (try? PacketEncoder(version: .v5).encodedSize(of: .publish(packet))) ?? .max
        self.size = size
        return size <= maximum
    }

    func packet(retain: Bool, isRich: Bool, now: NIODeadline) -> Publish {
        OutgoingDelivery(self.message, qos: .atMostOnce, retain: retain)
            .packet(for: isRich ? .v5 : .v311, packetID: nil, duplicate: false, now: now)
    }
}

extension BrokerCore {
    /// Brings a message to a session: on the wire at once, into its queue, or nowhere.
    mutating func deliver(_ delivery: OutgoingDelivery, to slot: Int, fanOut: inout FanOut, now: NIODeadline) {
        // Field by field: a copy of the link for each of many receivers would cost more than the rest.
        guard let connection = self.sessions[slot].link?.connection else {
            // QoS 0 does not wait for who is away.
            if delivery.qos != .atMostOnce { self.queue(delivery, for: slot) }
            return
        }
        let isWritable = self.sessions[slot].link?.isWritable ?? false
        guard delivery.qos == .atMostOnce, isWritable, self.sessions[slot].outbound.waitingQoS0 == 0 else {
            self.queue(delivery, for: slot)
            if isWritable { self.drain(slot, now: now) }
            return
        }
        let hasAlias = !fanOut.isWide && self.sessions[slot].link?.brokerAliases.isUsed ?? false
        guard delivery.identifiers.isEmpty, !hasAlias else {
            self.write(delivery, nil, duplicate: false, to: slot, now: now)
            return
        }
        if let maximum = self.sessions[slot].link?.maximumPacketSize, !fanOut.fits(maximum, now: now) {
            return self.noteDropped(delivery, for: slot)
        }
        let version = self.sessions[slot].link?.version ?? .v311
        fanOut.add(connection, retain: delivery.retain, hasProperties: version.hasProperties)
    }

    /// Writes what many get.
    mutating func emit(_ fanOut: FanOut, now: NIODeadline) {
        for (kind, receivers) in fanOut.receivers.enumerated() where !receivers.isEmpty {
            let packet = fanOut.packet(retain: kind >= 2, isRich: kind % 2 == 1, now: now)
            if receivers.count == 1 {
                self.sendMessage(packet, to: receivers[0])
            } else {
                self.statistics.sent += UInt64(receivers.count)
                self.append(.sendToMany(packet, receivers))
            }
        }
    }

    private mutating func queue(_ delivery: OutgoingDelivery, for slot: Int) {
        if !self.sessions[slot].outbound.append(delivery, limits: self.limits) {
            self.noteDropped(delivery, for: slot)
        }
    }

    private mutating func noteDropped(_ delivery: OutgoingDelivery, for slot: Int) {
        self.note(.dropped(clientID: self.sessions[slot].clientID.string, topic: delivery.message.topic))
    }

    /// Writes what waits for a client, as far as its window is open and its socket takes it.
    mutating func drain(_ slot: Int, now: NIODeadline) {
        while let link = self.sessions[slot].link, link.isWritable,
            let step = self.sessions[slot].outbound.next(now: now)
        {
            switch step {
            case .release(let id): self.send(.pubRel(Acknowledgement(packetID: id)), to: link.connection)
            case .expired(let delivery): self.noteDropped(delivery, for: slot)
            case .publish(let delivery, let id, let duplicate):
                let isSent = self.write(delivery, id, duplicate: duplicate, to: slot, now: now)
                if !isSent, let id { self.sessions[slot].outbound.discard(id) }
            }
        }
    }

    /// Writes one PUBLISH; false when the client does not take one of this size (MQTT-3.1.2-25).
    @discardableResult
    private mutating func write(
        _ delivery: OutgoingDelivery,
        _ id: PacketID?,
        duplicate: Bool,
        to slot: Int,
        now: NIODeadline
    ) -> Bool {
        guard let link = self.sessions[slot].link else { return false }
        var packet = delivery.packet(for: link.version, packetID: id, duplicate: duplicate, now: now)
        var spare = Int.max
        if let maximum = link.maximumPacketSize {
            let size = (try? PacketEncoder(version: link.version).encodedSize(of: .publish(packet))) ?? .max
            guard size <= maximum else {
                self.noteDropped(delivery, for: slot)
                return false
            }
            spare = maximum - size
        }
        // An alias takes three bytes, and the lengths before it may take one more each.
        if spare >= 5 { self.sessions[slot].link?.brokerAliases.shorten(&packet) }
        self.sendMessage(packet, to: link.connection)
        return true
    }
}
