// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

/// One change of a session that a ``SessionStore`` keeps.
public enum StoreChange: Hashable, Sendable {
    /// A message is to be published; it has no packet identifier yet unless it says so.
    case outboundAdded(OutboundRecord)
    /// The message is about to be sent under this packet identifier.
    case outboundAssigned(serial: UInt64, packetID: UInt16)
    /// The server has the QoS 2 message: only PUBREL is still to be sent, the content may be forgotten.
    case outboundReleased(serial: UInt64)
    /// The exchange is over, whatever its outcome.
    case outboundFinished(serial: UInt64)
    /// A QoS 2 message with this packet identifier was received and must not be delivered again.
    case inboundReceived(packetID: UInt16)
    /// The server released the packet identifier.
    case inboundReleased(packetID: UInt16)
    /// The server has no session any more: forget what was received.
    case inboundForgotten
}

/// A message on its way to the server, as a ``SessionStore`` keeps it.
public struct OutboundRecord: Hashable, Sendable {
    /// How far the exchange is.
    public enum Phase: UInt8, Hashable, Sendable {
        /// PUBLISH may or may not have been sent.
        case publishing = 0
        /// PUBREC has come; PUBREL is due. QoS 2 only.
        case releasing = 1
    }

    /// The order of publishing within the session; ascending, never used twice.
    public var serial: UInt64

    /// The packet identifier, once it has one.
    public var packetID: UInt16?

    /// How far the exchange is.
    public var phase: Phase

    /// The message; nil once it is released.
    public var message: OutgoingMessage?

    /// Makes a record.
    public init(serial: UInt64, packetID: UInt16? = nil, phase: Phase = .publishing, message: OutgoingMessage?) {
        self.serial = serial
        self.packetID = packetID
        self.phase = phase
        self.message = message
    }
}

/// What a ``SessionStore`` holds of one client's session.
public struct SessionRecord: Hashable, Sendable {
    /// Messages not yet finished, in ascending order of their serial.
    public var outbound: [OutboundRecord]

    /// Packet identifiers of QoS 2 messages received and not yet released.
    public var inbound: Set<UInt16>

    /// Makes a record; empty unless told otherwise.
    public init(outbound: [OutboundRecord] = [], inbound: Set<UInt16> = []) {
        self.outbound = outbound
        self.inbound = inbound
    }

    /// Applies a change, as a store that keeps whole records does.
    public mutating func apply(_ change: StoreChange) {
        switch change {
        case .outboundAdded(let record):
            self.outbound.append(record)
        case .outboundAssigned(let serial, let packetID):
            self.update(serial) { $0.packetID = packetID }
        case .outboundReleased(let serial):
            self.update(serial) { record in
                record.phase = .releasing
                record.message = nil
            }
        case .outboundFinished(let serial):
            if let index = self.index(of: serial) { self.outbound.remove(at: index) }
        case .inboundReceived(let packetID):
            self.inbound.insert(packetID)
        case .inboundReleased(let packetID):
            self.inbound.remove(packetID)
        case .inboundForgotten:
            self.inbound.removeAll()
        }
    }

    private mutating func update(_ serial: UInt64, _ body: (inout OutboundRecord) -> Void) {
        if let index = self.index(of: serial) { body(&self.outbound[index]) }
    }

    /// Serials ascend, so half of what is left is ruled out at each step.
    private func index(of serial: UInt64) -> Int? {
        var low = 0
        var high = self.outbound.count
        while low < high {
            let middle = (low + high) / 2
            if self.outbound[middle].serial < serial { low = middle + 1 } else { high = middle }
        }
        return low < self.outbound.count && self.outbound[low].serial == serial ? low : nil
    }
}
