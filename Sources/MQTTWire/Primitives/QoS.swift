// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// How hard the two ends of a link try to deliver a message (MQTT 5.0, 4.3).
public enum QoS: UInt8, Hashable, Sendable, Comparable, CaseIterable {
    /// Sent once and never acknowledged; lost with the link.
    case atMostOnce = 0

    /// Repeated until acknowledged; may arrive more than once.
    case atLeastOnce = 1

    /// Delivered once, by a handshake of four packets.
    case exactlyOnce = 2

    /// Orders by strength of the guarantee.
    public static func < (left: QoS, right: QoS) -> Bool { left.rawValue < right.rawValue }
}
