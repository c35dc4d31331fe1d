// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// How requests are taken and where replies may go.
public struct ServeSettings: Sendable {
    /// How many requests wait for a handler before the server is made to wait; at least 1.
    public var bufferSize: Int

    /// Whether a reply may be published to a topic.
    ///
    /// The one who asks chooses the topic, and the one who replies may be allowed more: a request with a response topic that is not
    /// allowed is dropped, and its handler does not run. Topics that begin with `$` are not allowed unless you allow them; a
    /// topic that the served filter matches never is.
    public var allowsResponseTopic: @Sendable (String) -> Bool

    /// Makes settings: 1,000 requests, and replies to all topics that do not begin with `$`.
    public init(
        bufferSize: Int = 1_000,
        allowsResponseTopic: @escaping @Sendable (String) -> Bool = { $0.utf8.first != UInt8(ascii: "$") }
    ) {
        self.bufferSize = max(1, bufferSize)
        self.allowsResponseTopic = allowsResponseTopic
    }

    /// Makes settings that allow replies only to topics that begin with one of the texts, byte for byte.
    public init(bufferSize: Int = 1_000, responseTopicPrefixes prefixes: [String]) {
        self.init(bufferSize: bufferSize) { topic in prefixes.contains { topic.utf8.starts(with: $0.utf8) } }
    }
}
