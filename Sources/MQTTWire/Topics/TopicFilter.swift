// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A topic filter to subscribe with: a topic, or a pattern of topics with `+` and `#`.
///
/// `+` stands for one level and `#`, at the end, for the level before it and everything below. A filter that begins
/// with a wildcard does not match topics that begin with `$` (MQTT 5.0, 4.7.2). `$share/group/filter` is a shared
/// subscription to `filter` (4.8.2); the prefixes `$queue/` and `$exclusive/` of some servers are likewise no part of
/// the topics that arrive. Filters are equal when their UTF-8 bytes are.
public struct TopicFilter: Hashable, Sendable, CustomStringConvertible {
    /// The filter as it is sent to the server.
    public let string: String

    // Two bytes each hold every offset into a string of at most 65,535 bytes: the filter travels with every message.
    /// Where in ``string`` the part begins that topics are compared with.
    let patternStart: UInt16
    let singleLevelWildcards: UInt16
    let endsInMultiLevelWildcard: Bool
    private let isShared: Bool

    /// The prefixes that are stripped unless others are given: EMQX's shared and exclusive subscriptions.
    package static let strippedPrefixes = ["$queue", "$exclusive"]

    /// Checks a filter and takes it apart.
    ///
    /// - Throws: ``InvalidTopic`` when a rule of MQTT 5.0, 4.7 or 4.8.2 is broken.
    public init(_ string: String) throws(InvalidTopic) {
        try self.init(string, strippedPrefixes: Self.strippedPrefixes)
    }

    /// Checks a filter whose first levels the server takes for instructions when they are one of `strippedPrefixes`.
    package init(_ string: String, strippedPrefixes: [String]) throws(InvalidTopic) {
        guard !string.utf8.isEmpty else {
            throw InvalidTopic("The topic filter is empty; '#' subscribes to every topic.")
        }
        try TopicBytes.checkLength(of: string, as: "topic filter")
        guard !string.utf8.contains(0) else { throw TopicBytes.holdsNull(string, as: "topic filter") }
        self.isShared = string.utf8.starts(with: Self.sharePrefix.utf8)
        let start =
            self.isShared
            ? try Self.endOfShareName(in: string)
            : Self.lengthOfPrefix(of: string, among: strippedPrefixes)
        let wildcards = try Self.wildcards(in: string, from: start)
        self.string = string
        self.patternStart = UInt16(start)
        self.singleLevelWildcards = UInt16(wildcards.singleLevel)
        self.endsInMultiLevelWildcard = wildcards.multiLevel
    }

    /// The group of a shared subscription, `group` in `$share/group/filter`; nil for every other filter.
    public var shareName: String? {
        guard self.isShared else { return nil }
        let name = self.string.utf8.prefix(Int(self.patternStart) - 1).dropFirst(Self.sharePrefix.utf8.count)
        return String(Substring(name))
    }

    /// The part that topics are compared with: ``string`` without `$share/group/` or another prefix.
    package var pattern: String { String(Substring(self.string.utf8.dropFirst(Int(self.patternStart)))) }

    /// Whether the filter can match more than one topic.
    public var hasWildcards: Bool { self.endsInMultiLevelWildcard || self.singleLevelWildcards > 0 }

    /// The same as ``string``.
    public var description: String { self.string }

    /// Whether two filters are the same bytes and are compared with topics in the same way.
    public static func == (left: Self, right: Self) -> Bool {
        left.patternStart == right.patternStart && TopicBytes.areEqual(left.string, right.string)
    }

    /// Feeds the bytes of the filter to `hasher`.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(TopicBytes.with(self.string) { TopicBytes.hash(of: $0) })
    }
}

// MARK: - Validation

extension TopicFilter {
    private static let sharePrefix = "$share/"

    /// The offset behind `$share/name/`, with a filter after it (MQTT 5.0, 4.8.2).
    private static func endOfShareName(in string: String) throws(InvalidTopic) -> Int {
        let bytes = string.utf8
        let rest = bytes.dropFirst(self.sharePrefix.utf8.count)
        let name = rest.prefix { $0 != TopicBytes.slash }
        let quoted = InvalidTopic.quoted(string)
        guard !name.isEmpty else {
            throw InvalidTopic("The share name in \(quoted) is empty; write '$share/name/filter'.")
        }
        guard !name.contains(where: { $0 == TopicBytes.plus || $0 == TopicBytes.hash }) else {
            throw InvalidTopic("The share name in \(quoted) holds a wildcard; use a name without '+' and '#'.")
        }
        let end = self.sharePrefix.utf8.count + name.count + 1
        guard end < bytes.count else {
            throw InvalidTopic("There is no filter after the share name in \(quoted); write '$share/name/filter'.")
        }
        return end
    }

    /// How many bytes of `string` are one of the prefixes and its slash; 0 when nothing would be left.
    private static func lengthOfPrefix(of string: String, among prefixes: [String]) -> Int {
        let bytes = string.utf8
        for prefix in prefixes where !prefix.utf8.isEmpty && bytes.starts(with: prefix.utf8) {
            let rest = bytes.dropFirst(prefix.utf8.count)
            if rest.first == TopicBytes.slash, rest.count > 1 { return prefix.utf8.count + 1 }
        }
        return 0
    }

    /// Checks the wildcards behind `start` (MQTT 5.0, 4.7.1) and counts them.
    private static func wildcards(
        in string: String,
        from start: Int
    ) throws(InvalidTopic) -> (singleLevel: Int, multiLevel: Bool) {
        let found: Result<(singleLevel: Int, multiLevel: Bool), InvalidTopic> = TopicBytes.with(string) { bytes in
            var singleLevel = 0
            for offset in start..<bytes.count {
                guard bytes[offset] == TopicBytes.plus || bytes[offset] == TopicBytes.hash else { continue }
                let begins = offset == start || bytes[offset - 1] == TopicBytes.slash
                let isLast = offset == bytes.count - 1
                if bytes[offset] == TopicBytes.hash {
                    guard begins, isLast else { return .failure(self.misplacedHash(in: string)) }
                    return .success((singleLevel, true))
                }
                guard begins, isLast || bytes[offset + 1] == TopicBytes.slash else {
                    return .failure(self.misplacedPlus(in: string))
                }
                singleLevel += 1
            }
            return .success((singleLevel, false))
        }
        return try found.get()
    }

    private static func misplacedHash(in string: String) -> InvalidTopic {
        InvalidTopic(
            "'#' in the topic filter \(InvalidTopic.quoted(string)) is not the whole last level; "
                + "write it at the end, after a slash, as in 'a/b/#'."
        )
    }

    private static func misplacedPlus(in string: String) -> InvalidTopic {
        InvalidTopic(
            "'+' in the topic filter \(InvalidTopic.quoted(string)) is not a whole level; "
                + "write it between slashes, as in 'a/+/c'."
        )
    }
}
