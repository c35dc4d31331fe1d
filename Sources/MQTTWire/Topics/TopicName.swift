// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The rules for a topic that a message is published to (MQTT 5.0, 4.7).
package enum TopicName {
    /// Throws what is wrong with `topic`; returns when it may be published to.
    ///
    /// An empty topic is refused here. Where 5.0 allows one, beside a topic alias, it is no name and not asked about.
    package static func check(_ topic: String) throws(InvalidTopic) {
        guard !topic.utf8.isEmpty else {
            throw InvalidTopic("The topic is empty; give it at least one character.")
        }
        try TopicBytes.checkLength(of: topic, as: "topic")
        // No early exit: this way the compiler looks at many bytes at once.
        let isForbidden = TopicBytes.with(topic) { bytes in
            var found: UInt8 = 0
            for byte in bytes {
                found |= (byte == 0 ? 1 : 0) | (byte == TopicBytes.plus ? 1 : 0) | (byte == TopicBytes.hash ? 1 : 0)
            }
            return found != 0
        }
        guard !isForbidden else { throw Self.forbiddenCharacter(in: topic) }
    }

    private static func forbiddenCharacter(in topic: String) -> InvalidTopic {
        guard !topic.utf8.contains(0) else { return TopicBytes.holdsNull(topic, as: "topic") }
        return InvalidTopic(
            "The topic \(InvalidTopic.quoted(topic)) holds a wildcard; '+' and '#' are only for subscribing, "
                + "publish to one topic without them."
        )
    }
}
