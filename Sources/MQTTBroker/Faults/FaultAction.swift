// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

/// What goes wrong with a packet, or with a connection.
public struct FaultAction: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        case drop
        case delay(Duration)
        case duplicate
        case cut(atByte: Int)
        case cutBefore
        case cutAfter
        case refuse(ReasonCode)
        case neverAnswer
        case malformed([UInt8])
        case stopReading
    }

    let kind: Kind

    private init(_ kind: Kind) { self.kind = kind }

    /// The packet is lost, and the connection goes on.
    public static let drop = Self(.drop)

    /// The packet, and everything behind it in its direction, comes later by this time.
    ///
    /// The order stays. Packets that are delayed one after the other are each late by this time, as on a long road.
    public static func delay(_ time: Duration) -> Self { Self(.delay(time)) }

    /// The packet comes twice, byte for byte the same.
    public static let duplicate = Self(.duplicate)

    /// The connection is cut when so many bytes have gone in the rule's direction, inside a packet perhaps.
    ///
    /// The kind of the packets does not matter; the rule's occurrences are connections, not packets. Where so many have
    /// gone already, it is cut with the next bytes.
    public static func cut(atByte count: Int) -> Self { Self(.cut(atByte: max(count, 0))) }

    /// The connection is cut instead of the packet.
    public static let cutBefore = Self(.cutBefore)

    /// The connection is cut right behind the packet.
    ///
    /// The broker has taken a packet of the client's; its answer is lost.
    public static let cutAfter = Self(.cutAfter)

    /// The broker refuses what a client asks; it never gets to see it.
    ///
    /// CONNECT, SUBSCRIBE, UNSUBSCRIBE, PUBLISH of QoS 1 and 2, PUBREC and PUBREL are refused with their acknowledgement,
    /// the others with DISCONNECT. Where a version cannot say it, the connection is closed. Packets to the client are
    /// dropped.
    public static func refuse(_ reason: ReasonCode) -> Self { Self(.refuse(reason)) }

    /// The broker takes the packet and does not answer it; packets to the client are dropped.
    public static let neverAnswer = Self(.neverAnswer)

    /// The client gets these bytes: instead of a packet to it, or before the broker's answer to a packet from it.
    ///
    /// Without bytes of one's own it is a packet of the reserved type 0.
    public static func malformed(_ bytes: [UInt8] = [0x00, 0x00]) -> Self { Self(.malformed(bytes)) }

    /// From this packet on, which is lost, the broker reads nothing from the connection, and leaves it open.
    public static let stopReading = Self(.stopReading)
}
