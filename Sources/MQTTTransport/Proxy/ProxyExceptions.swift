// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The hosts that are reached without the proxy of the environment: the list of `no_proxy`.
struct ProxyExceptions: Hashable {
    private enum Hosts: Hashable {
        case all
        /// The domain and everything below it, in small letters, without dots around it.
        case domain(String)
        /// The addresses that share so many bits with this one.
        case block(IPAddressBytes, bits: Int)
    }

    private struct Rule: Hashable {
        var hosts: Hosts
        var port: Int?
    }

    private var rules: [Rule] = []

    /// Nil when an entry can be none.
    init?(_ list: String) {
        for entry in list.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
            guard let rule = Self.rule(String(entry)) else { return nil }
            self.rules.append(rule)
        }
    }

    private static func rule(_ entry: String) -> Rule? {
        // First: the colons of an IPv6 address begin no port.
        if let hosts = self.addresses(entry) { return Rule(hosts: hosts) }
        guard let (host, port) = self.split(entry) else { return nil }
        if host == "*" { return Rule(hosts: .all, port: port) }
        if let hosts = self.addresses(host) { return Rule(hosts: hosts, port: port) }
        guard !host.utf8.contains(UInt8(ascii: "/")), !host.utf8.contains(UInt8(ascii: ":")) else { return nil }
        let domain = self.bare(host.hasPrefix("*.") ? String(host.dropFirst(2)) : host)
        return domain.isEmpty ? nil : Rule(hosts: .domain(domain), port: port)
    }

    /// An address or a block of addresses.
    private static func addresses(_ text: String) -> Hosts? {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let address = parts.first.flatMap(IPAddressBytes.init) else { return nil }
        let all = address.bytes.count * 8
        guard parts.count == 2 else { return .block(address, bits: all) }
        guard let bits = Int(parts[1]), (0...all).contains(bits) else { return nil }
        return .block(address, bits: bits)
    }

    private static func split(_ entry: String) -> (host: String, port: Int?)? {
        var (host, port) = (entry[...], Substring?.none)
        if entry.hasPrefix("["), let bracket = entry.firstIndex(of: "]") {
            host = entry[entry.index(after: entry.startIndex)..<bracket]
            let rest = entry[entry.index(after: bracket)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = entry.lastIndex(of: ":") {
            host = entry[..<colon]
            port = entry[entry.index(after: colon)...]
        }
        guard let port else { return (String(host), nil) }
        guard let number = Int(port), (1...65_535).contains(number) else { return nil }
        return (String(host), number)
    }

    /// In small letters, without a dot in front or at the end.
    private static func bare(_ host: String) -> String {
        var host = host.lowercased()[...]
        if host.hasPrefix(".") { host = host.dropFirst() }
        if host.hasSuffix(".") { host = host.dropLast() }
        return String(host)
    }

    func contain(host: String, port: Int) -> Bool {
        let address = IPAddressBytes(host)
        let name = Self.bare(host)
        return self.rules.contains { rule in
            guard rule.port == nil || rule.port == port else { return false }
            switch rule.hosts {
            case .all: return true
            case .domain(let domain): return address == nil && (name == domain || name.hasSuffix(".\(domain)"))
            case .block(let block, let bits): return address?.shares(bits, bitsWith: block) ?? false
            }
        }
    }
}
