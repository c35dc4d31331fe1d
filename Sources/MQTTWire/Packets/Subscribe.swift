// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// SUBSCRIBE: one or more filters with their options (MQTT 5.0, 3.8).
package struct Subscribe: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        package var filter: String
        package var options: SubscriptionOptions

        package init(filter: String, options: SubscriptionOptions = SubscriptionOptions()) {
            self.filter = filter
            self.options = options
        }
    }

    package var packetID: PacketID
    package var entries: [Entry]
    package var properties: Properties

    package init(packetID: PacketID, entries: [Entry], properties: Properties = Properties()) {
        self.packetID = packetID
        self.entries = entries
        self.properties = properties
    }
}

/// The options of one filter in SUBSCRIBE (MQTT 5.0, 3.8.3.1).
///
/// Before 5.0 only the QoS is on the wire.
package struct SubscriptionOptions: Hashable, Sendable {
    package var qos: QoS
    package var noLocal: Bool
    package var retainAsPublished: Bool
    package var retainHandling: RetainHandling

    package init(
        qos: QoS = .atMostOnce,
        noLocal: Bool = false,
        retainAsPublished: Bool = false,
        retainHandling: RetainHandling = .sendAlways
    ) {
        self.qos = qos
        self.noLocal = noLocal
        self.retainAsPublished = retainAsPublished
        self.retainHandling = retainHandling
    }
}

/// When the server sends the retained messages of a filter (MQTT 5.0, 3.8.3.1).
public enum RetainHandling: UInt8, Hashable, Sendable {
    /// At every SUBSCRIBE.
    case sendAlways = 0
    /// Only when the subscription did not exist.
    case sendIfNew = 1
    /// Never.
    case doNotSend = 2
}
