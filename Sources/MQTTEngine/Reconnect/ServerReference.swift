// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A server named by another one (MQTT 5.0, 4.11).
public struct ServerReference: Hashable, Sendable, CustomStringConvertible {
    /// The host name or IP address; an IPv6 address without brackets.
    public let host: String

    /// The port; nil is the one used so far.
    public let port: Int?

    /// Names a server.
    public init(host: String, port: Int? = nil) {
        self.host = host
        self.port = port
    }

    /// The host, and the port when there is one.
    public var description: String {
        let host = self.host.utf8.contains(UInt8(ascii: ":")) ? "[\(self.host)]" : self.host
        return self.port.map { "\(host):\($0)" } ?? host
    }

    /// The servers of a Server Reference property: names parted by spaces, each perhaps with a port.
    ///
    /// What cannot be read is left out.
    public static func parse(_ text: String) -> [ServerReference] {
        // 32 are more than anybody tries.
        text.split(separator: " ", maxSplits: 64).prefix(32).compactMap { Self(entry: $0) }
    }

    private init?(entry: Substring) {
        if entry.utf8.first == UInt8(ascii: "[") {
            guard let end = entry.firstIndex(of: "]") else { return nil }
            let host = entry[entry.index(after: entry.startIndex)..<end]
            let rest = entry[entry.index(after: end)...]
            guard !host.isEmpty else { return nil }
            let port = Self.port(rest.dropFirst())
            guard rest.isEmpty || rest.first == ":" && port != nil else { return nil }
            self.init(host: String(host), port: port)
            return
        }
        let parts = entry.split(separator: ":", omittingEmptySubsequences: false)
        switch parts.count {
        case 1:
            self.init(host: String(entry))
        case 2:
            guard !parts[0].isEmpty, let port = Self.port(parts[1]) else { return nil }
            self.init(host: String(parts[0]), port: port)
        default:
            // An IPv6 address without brackets has no port.
            self.init(host: String(entry))
        }
    }

    private static func port(_ text: Substring) -> Int? {
        guard text.utf8.count <= 5, let port = UInt16(text), port > 0 else { return nil }
        return Int(port)
    }
}

/// Whether a client goes to another server when its own says so (MQTT 5.0, 4.11).
///
/// Where it goes it says who it is, with its credentials: so only to servers that are named here.
public struct ServerReferencePolicy: Hashable, Sendable {
    /// The hosts to follow to: names, or domains that begin with a dot; empty follows to none.
    public var hosts: [String]

    /// How often in a row, until a connection was stable.
    public var limit: Int

    /// Ignores server references: the reason codes that carry them end the client.
    public static let ignore = ServerReferencePolicy(hosts: [], limit: 0)

    /// Follows to the hosts that are named, in any case of letters.
    ///
    /// Hosts are names, such as "b.example.com", or domains that begin with a dot, such as ".example.com". The limit says how
    /// often in a row, until a connection was stable; a server that was tried in this row is not tried again.
    public static func follow(to hosts: [String], limit: Int = 3) -> ServerReferencePolicy {
        ServerReferencePolicy(hosts: hosts, limit: limit)
    }

    /// Whether the policy names a host.
    public func allows(_ host: String) -> Bool {
        let host = host.lowercased()
        return self.hosts.contains { allowed in
            let allowed = allowed.lowercased()
            // Compared as bytes: a letter with a combining mark is not the letter.
            if allowed.utf8.first == UInt8(ascii: ".") {
                return host.utf8.count > allowed.utf8.count
                    && host.utf8.suffix(allowed.utf8.count).elementsEqual(allowed.utf8)
            }
            return host.utf8.elementsEqual(allowed.utf8)
        }
    }
}
