// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import MQTTWire

extension BrokerEvent: CustomStringConvertible {
    /// The event as a line of text; what clients chose is in quotation marks, its control characters escaped.
    public var description: String {
        switch self {
        case .connected(let clientID, let version, let sessionPresent):
            let session = sessionPresent ? "its session goes on" : "new session"
            return "\(Self.quoted(clientID)) connected, MQTT \(Self.name(of: version)), \(session)"
        case .refused(let clientID, let reason):
            let name = clientID.isEmpty ? "a connection" : Self.quoted(clientID)
            return "\(name) was refused: \(reason)"
        case .disconnected(let clientID, let reason, let words):
            return "\(Self.quoted(clientID)) disconnected: \(words.isEmpty ? "\(reason)" : words)"
        case .subscribed(let clientID, let filter, let reason):
            let granted = reason.rawValue < 0x80 ? "QoS \(reason.rawValue)" : "refused: \(reason)"
            return "\(Self.quoted(clientID)) subscribed to \(Self.quoted(filter)), \(granted)"
        case .unsubscribed(let clientID, let filter, let reason):
            let result = reason.rawValue == 0 ? "" : ": \(reason)"
            return "\(Self.quoted(clientID)) unsubscribed from \(Self.quoted(filter))\(result)"
        case .published(let clientID, let topic, let qos, let retain, let size):
            // A message of the program itself has no client.
            let who = clientID.isEmpty ? "the broker" : Self.quoted(clientID)
            let kept = retain ? ", retained" : ""
            return
                "\(who) published to \(Self.quoted(topic)), QoS \(qos.rawValue)\(kept), \(size) bytes"
        case .dropped(let clientID, let topic):
            return "a message to \(Self.quoted(topic)) was dropped for \(Self.quoted(clientID))"
        case .sessionEnded(let clientID):
            return "the session of \(Self.quoted(clientID)) ended"
        }
    }

    private static func quoted(_ text: String) -> String { String(text.prefix(256)).debugDescription }

    private static func name(of version: ProtocolVersion) -> String {
        switch version {
        case .v31: "3.1"
        case .v311: "3.1.1"
        case .v5: "5.0"
        }
    }
}
