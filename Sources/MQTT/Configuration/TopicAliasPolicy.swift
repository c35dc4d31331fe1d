// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Which messages a 5.0 client sends under a topic alias, a number in the place of the topic (MQTT 5.0, 3.3.2.3.4).
///
/// The server says at each connection how many it takes, and takes none unless it says so. Aliases begin anew with each
/// connection; what is sent again after a connection was lost carries its topic.
public enum TopicAliasPolicy: Hashable, Sendable {
    /// Those that ask for one by their `topicAlias` property. One above the server's maximum is refused with
    /// ``MQTTError/Code/notSupportedByServer``.
    case manual
    /// All, as far as an alias makes them shorter; none may ask for one. When as many topics as the limit, or as many as the
    /// server takes, have an alias, the one used least recently gives its alias to the next. The client keeps these topics.
    case automatic(limit: UInt16 = 256)

    /// How many topics get an alias by themselves; nil when none does.
    var automaticLimit: UInt16? {
        switch self {
        case .manual: nil
        case .automatic(let limit): limit
        }
    }
}
