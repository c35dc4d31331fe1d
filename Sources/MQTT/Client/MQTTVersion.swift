// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

/// The version of MQTT a client speaks, as a type: what a version does not have does not compile.
public protocol MQTTVersion: Sendable {
    /// The version on the wire.
    static var protocolVersion: ProtocolVersion { get }
}

/// MQTT 3.1.1 and 3.1, which have a clean session flag and no properties.
public protocol MQTT3Version: MQTTVersion {}

/// MQTT 5.0.
public enum V5: MQTTVersion {
    /// The version on the wire.
    public static var protocolVersion: ProtocolVersion { .v5 }
}

/// MQTT 3.1.1.
public enum V311: MQTT3Version {
    /// The version on the wire.
    public static var protocolVersion: ProtocolVersion { .v311 }
}

/// MQTT 3.1.
public enum V31: MQTT3Version {
    /// The version on the wire.
    public static var protocolVersion: ProtocolVersion { .v31 }
}

/// A client for MQTT 5.0.
public typealias MQTT5Client = MQTTClient<V5>

/// A client for MQTT 3.1.1.
public typealias MQTT311Client = MQTTClient<V311>

/// A client for MQTT 3.1.
public typealias MQTT31Client = MQTTClient<V31>
