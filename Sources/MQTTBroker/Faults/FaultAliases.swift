// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import MQTTWire

/// Keeps topic aliases right where a script may lose the packet that set one (MQTT 5.0, 3.3.2.3.4).
struct FaultAliases {
    /// Those that one end has set and the other may not know.
    private var topics: [UInt16: String] = [:]

    var isEmpty: Bool { self.topics.isEmpty }

    /// Gives a PUBLISH to a client its topic instead of an alias: the client never learns that alias.
    mutating func send(_ publish: inout Publish, isActive: Bool) {
        guard let alias = publish.properties.topicAlias else { return }
        if !publish.topic.isEmpty {
            guard isActive else {
                self.topics[alias] = nil
                return
            }
            self.topics[alias] = publish.topic
            publish.properties.topicAlias = nil
        } else if let topic = self.topics[alias] {
            publish.topic = topic
            publish.properties.topicAlias = nil
        }
    }

    /// Gives a PUBLISH from a client its topic beside the alias: the broker may not have seen the packet that set it.
    mutating func receive(_ publish: inout Publish, isActive: Bool) {
        guard let alias = publish.properties.topicAlias else { return }
        if publish.topic.isEmpty {
            publish.topic = self.topics[alias] ?? ""
        } else {
            self.topics[alias] = isActive ? publish.topic : nil
        }
    }
}
