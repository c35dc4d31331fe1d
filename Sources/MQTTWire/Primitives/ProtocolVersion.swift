// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A version of MQTT; the raw value is the protocol level that CONNECT carries.
public enum ProtocolVersion: UInt8, Hashable, Sendable, Comparable, CaseIterable {
    /// MQTT 3.1, "MQIsdp".
    case v31 = 3

    /// MQTT 3.1.1.
    case v311 = 4

    /// MQTT 5.0.
    case v5 = 5

    /// Orders by age, the oldest first.
    public static func < (left: ProtocolVersion, right: ProtocolVersion) -> Bool { left.rawValue < right.rawValue }

    /// The protocol name that CONNECT carries (MQTT 5.0, 3.1.2.1).
    package var protocolName: String { self == .v31 ? "MQIsdp" : "MQTT" }

    /// Whether packets carry properties and reason codes.
    package var hasProperties: Bool { self == .v5 }
}
