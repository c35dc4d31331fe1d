// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension TopicFilter {
    /// Whether messages published to `topic` reach a subscription with this filter.
    public func matches(_ topic: String) -> Bool {
        self.walk(topic) { _, _ in }
    }

    /// What the wildcards stand for in `topic`, or nil when the filter does not match it.
    ///
    /// One element for each `+`, in order, and for `#` the rest of the topic without the slash before it, which is
    /// empty where `#` matched the level before it.
    public func captures(in topic: String) -> [String]? {
        var captures: [String] = []
        let matches = self.walk(topic) { bytes, range in
            captures.append(String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self))
        }
        return matches ? captures : nil
    }

    /// Goes through filter and topic level by level and reports what each wildcard stands for.
    @inline(__always)
    private func walk(_ topic: String, _ capture: (UnsafeRawBufferPointer, Range<Int>) -> Void) -> Bool {
        TopicBytes.with(self.string) { string in
            let pattern = UnsafeRawBufferPointer(rebasing: string[Int(self.patternStart)...])
            return TopicBytes.with(topic) { topic in
                guard self.hasWildcards else { return TopicBytes.areEqual(pattern, topic) }
                return Self.walk(pattern, topic) { capture(topic, $0) }
            }
        }
    }

    @inline(__always)
    private static func walk(
        _ pattern: UnsafeRawBufferPointer,
        _ topic: UnsafeRawBufferPointer,
        _ capture: (Range<Int>) -> Void
    ) -> Bool {
        guard let first = topic.first else { return false }
        // MQTT 5.0, 4.7.2: a wildcard in front does not match the server's own topics.
        if first == TopicBytes.dollar, pattern[0] == TopicBytes.plus || pattern[0] == TopicBytes.hash { return false }
        var patternStart = 0
        var topicStart = 0
        while true {
            let patternEnd = TopicBytes.endOfLevel(in: pattern, from: patternStart)
            let wildcard = patternEnd - patternStart == 1 ? pattern[patternStart] : 0
            if wildcard == TopicBytes.hash {
                capture(topicStart..<topic.count)
                return true
            }
            let topicEnd = TopicBytes.endOfLevel(in: topic, from: topicStart)
            if wildcard == TopicBytes.plus {
                capture(topicStart..<topicEnd)
            } else {
                let level = UnsafeRawBufferPointer(rebasing: pattern[patternStart..<patternEnd])
                let other = UnsafeRawBufferPointer(rebasing: topic[topicStart..<topicEnd])
                guard TopicBytes.areEqual(level, other) else { return false }
            }
            if patternEnd == pattern.count { return topicEnd == topic.count }
            if topicEnd == topic.count {
                // MQTT 5.0, 4.7.1.2: "sport/#" also matches "sport", the level above.
                guard patternEnd + 2 == pattern.count, pattern[patternEnd + 1] == TopicBytes.hash else { return false }
                capture(topicEnd..<topicEnd)
                return true
            }
            patternStart = patternEnd + 1
            topicStart = topicEnd + 1
        }
    }
}
