// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

/// The topic aliases a client has set on its connection (MQTT 5.0, 3.3.2.3.4).
struct ClientAliases: Sendable {
    private let maximum: UInt16
    private let maximumBytes: Int
    private var topics: [UInt16: String] = [:]
    private(set) var bytes = 0

    init(maximum: UInt16, maximumBytes: Int) {
        self.maximum = maximum
        self.maximumBytes = maximumBytes
    }

    /// The topic a PUBLISH is for, or why it is none.
    mutating func resolve(_ publish: Publish) -> Result<String, DecodingError> {
        guard !publish.properties.isEmpty, let alias = publish.properties.topicAlias else {
            guard publish.topic.isEmpty else { return .success(publish.topic) }
            return .failure(DecodingError(.protocolError, "A PUBLISH has neither a topic nor an alias"))
        }
        guard alias > 0, alias <= self.maximum else {
            return .failure(DecodingError(.topicAliasInvalid, "A topic alias is 0 or higher than the maximum"))
        }
        guard publish.topic.isEmpty else {
            self.bytes += publish.topic.utf8.count - (self.topics[alias]?.utf8.count ?? 0)
            self.topics[alias] = publish.topic
            guard self.bytes <= self.maximumBytes else {
                return .failure(DecodingError(.quotaExceeded, "The topics of the aliases are too long together"))
            }
            return .success(publish.topic)
        }
        guard let topic = self.topics[alias] else {
            return .failure(DecodingError(.protocolError, "A topic alias stands for no topic"))
        }
        return .success(topic)
    }
}

/// The topic aliases the broker has set on a connection: the first topics it sends get them (MQTT 5.0, 3.1.2.11.5).
struct BrokerAliases: Sendable {
    let maximum: UInt16
    private var numbers: [UTF8Key: UInt16] = [:]

    init(maximum: UInt16) { self.maximum = maximum }

    var isUsed: Bool { self.maximum > 0 }

    /// Puts an alias in place of a topic, or beside it the first time.
    mutating func shorten(_ publish: inout Publish) {
        guard self.isUsed else { return }
        let key = UTF8Key(publish.topic)
        if let number = self.numbers[key] {
            publish.topic = ""
            publish.properties.topicAlias = number
        } else if self.numbers.count < Int(self.maximum) {
            let number = UInt16(clamping: self.numbers.count + 1)
            self.numbers[key] = number
            publish.properties.topicAlias = number
        }
    }
}
