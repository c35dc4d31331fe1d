// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

/// Where the reply to a request is expected, and what it is known by.
struct ReplyAddress {
    /// What is subscribed to.
    var filter: TopicFilter
    /// The response topic.
    var topic: String
    /// The bytes the reply has to carry.
    var correlation: ByteBuffer
}

/// Makes the topics that replies to one client go to.
struct ReplyTopics {
    /// 128 bits in hexadecimal digits: no other client listens there, and nobody can guess it.
    private let name: String

    init() {
        var generator = SystemRandomNumberGenerator()
        self.name = Self.hexadecimal(generator.next()) + Self.hexadecimal(generator.next())
    }

    /// A topic of its own for a request, below a filter that all of them share.
    ///
    /// A reply is then known by its topic alone, and a responder that does not copy the correlation data is understood.
    /// Without wildcards there is one topic for all.
    func address(
        number: UInt64,
        responseInformation: String?,
        hasWildcards: Bool
    ) throws(InvalidTopic) -> (filter: TopicFilter, topic: String) {
        let prefix = self.prefix(responseInformation: responseInformation)
        guard hasWildcards else { return (try TopicFilter(prefix), prefix) }
        return (try TopicFilter(prefix + "/+"), "\(prefix)/\(number)")
    }

    /// What the server gave to build response topics from comes first (MQTT 5.0, 3.2.2.3.15), if it can be part of a topic.
    private func prefix(responseInformation: String?) -> String {
        guard var information = responseInformation else { return "_swift-mqtt/reply/" + self.name }
        if information.utf8.last == UInt8(ascii: "/") { information.removeLast() }
        let prefix = "\(information)/\(self.name)"
        guard !information.isEmpty, ReplyTopics.isPlain(prefix) else { return "_swift-mqtt/reply/" + self.name }
        return prefix
    }

    /// Whether a topic can be published to, and subscribed to as nothing but itself.
    static func isPlain(_ topic: String) -> Bool {
        guard let filter = try? TopicFilter(topic) else { return false }
        // As a filter, `$share/a/b` and the like mean other topics.
        return !filter.hasWildcards && filter.matches(topic)
    }

    /// 16 random bytes.
    static func correlation() -> ByteBuffer {
        var generator = SystemRandomNumberGenerator()
        var bytes = ByteBuffer()
        bytes.reserveCapacity(16)
        bytes.writeInteger(generator.next() as UInt64)
        bytes.writeInteger(generator.next() as UInt64)
        return bytes
    }

    private static func hexadecimal(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
