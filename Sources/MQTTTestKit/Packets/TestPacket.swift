// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

/// A packet of any version of MQTT, as a test writes it and reads it (MQTT 5.0, 3).
///
/// ``ScriptedPeer`` sends and expects them. Packet identifiers are plain numbers, and properties are empty before 5.0.
public enum TestPacket: Hashable, Sendable {
    /// CONNECT: the client asks for a session.
    indirect case connect(Connect)
    /// CONNACK: the server's answer to it.
    case connAck(sessionPresent: Bool = false, reason: ReasonCode = .success, properties: Properties = [])
    /// PUBLISH: a message, either way.
    case publish(Publish)
    /// PUBACK: a QoS 1 message has arrived.
    case pubAck(packetID: UInt16, reason: ReasonCode = .success, properties: Properties = [])
    /// PUBREC: a QoS 2 message has arrived.
    case pubRec(packetID: UInt16, reason: ReasonCode = .success, properties: Properties = [])
    /// PUBREL: the sender will not send a QoS 2 message again.
    case pubRel(packetID: UInt16, reason: ReasonCode = .success, properties: Properties = [])
    /// PUBCOMP: the exchange of a QoS 2 message is over.
    case pubComp(packetID: UInt16, reason: ReasonCode = .success, properties: Properties = [])
    /// SUBSCRIBE: filters the client wants messages of.
    case subscribe(Subscribe)
    /// SUBACK: a reason for each filter, in their order.
    case subAck(packetID: UInt16, reasons: [ReasonCode], properties: Properties = [])
    /// UNSUBSCRIBE: filters the client gives up.
    case unsubscribe(packetID: UInt16, filters: [String], properties: Properties = [])
    /// UNSUBACK: a reason for each filter; none before 5.0.
    case unsubAck(packetID: UInt16, reasons: [ReasonCode] = [], properties: Properties = [])
    /// PINGREQ: the client asks for a sign of life.
    case pingRequest
    /// PINGRESP: the server's answer to it.
    case pingResponse
    /// DISCONNECT: the last packet of a connection, of the server only in 5.0.
    case disconnect(reason: ReasonCode = .normalDisconnection, properties: Properties = [])
    /// AUTH: a step of enhanced authentication, 5.0 only.
    case auth(reason: ReasonCode = .success, properties: Properties = [])
}

extension TestPacket {
    /// Makes a PUBLISH with a payload of text.
    public static func publish(
        _ text: String,
        to topic: String,
        qos: QoS = .atMostOnce,
        retain: Bool = false,
        duplicate: Bool = false,
        packetID: UInt16? = nil,
        properties: Properties = []
    ) -> TestPacket {
        var publish = Publish(to: topic, text, qos: qos, packetID: packetID)
        publish.retain = retain
        publish.duplicate = duplicate
        publish.properties = properties
        return .publish(publish)
    }

    /// The name of the packet in the standard.
    public var name: String {
        switch self {
        case .connect: "CONNECT"
        case .connAck: "CONNACK"
        case .publish: "PUBLISH"
        case .pubAck: "PUBACK"
        case .pubRec: "PUBREC"
        case .pubRel: "PUBREL"
        case .pubComp: "PUBCOMP"
        case .subscribe: "SUBSCRIBE"
        case .subAck: "SUBACK"
        case .unsubscribe: "UNSUBSCRIBE"
        case .unsubAck: "UNSUBACK"
        case .pingRequest: "PINGREQ"
        case .pingResponse: "PINGRESP"
        case .disconnect: "DISCONNECT"
        case .auth: "AUTH"
        }
    }
}
