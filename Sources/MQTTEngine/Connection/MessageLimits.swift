// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

/// Bounds of messages and filters that a server has and has no way to announce.
package struct MessageLimits: Hashable, Sendable {
    /// Bytes of a topic or of a filter.
    package var topicLength: Int?
    /// Levels of a topic or of a filter: one more than its slashes.
    package var topicLevels: Int?
    /// Bytes of a payload.
    package var payloadSize: Int?

    package init(topicLength: Int? = nil, topicLevels: Int? = nil, payloadSize: Int? = nil) {
        self.topicLength = topicLength
        self.topicLevels = topicLevels
        self.payloadSize = payloadSize
    }

    /// Why the server does not take such a message; nil when it does.
    func refusal(of frame: PublishFrame) -> EngineFailure? {
        if let size = self.payloadSize, frame.payloadSize > size {
            let words = "the payload has \(frame.payloadSize) bytes; the server takes \(size)"
            return EngineFailure(.packetTooLarge, words)
        }
        return self.refusal(of: frame.message.topic, "topic")
    }

    /// Why the server does not take such a topic or filter; nil when it does.
    func refusal(of topic: String, _ kind: String) -> EngineFailure? {
        if let length = self.topicLength, topic.utf8.count > length {
            let words = "the \(kind) has \(topic.utf8.count) bytes; the server takes \(length)"
            return EngineFailure(.notSupportedByServer, words)
        }
        if let limit = self.topicLevels {
            let levels = topic.utf8.reduce(1) { $1 == UInt8(ascii: "/") ? $0 + 1 : $0 }
            guard levels > limit else { return nil }
            let words = "the \(kind) has \(levels) levels; the server takes \(limit)"
            return EngineFailure(.notSupportedByServer, words)
        }
        return nil
    }
}
