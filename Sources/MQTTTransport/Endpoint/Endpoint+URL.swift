// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension Endpoint {
    /// Reads a URL: `mqtt://host`, `mqtts://user:password@host:8883` or `mqtt://[::1]:1883`.
    ///
    /// The user name and the password are kept for CONNECT and never appear in ``description`` or in an error.
    ///
    /// - Throws: ``TransportError`` with code ``TransportError/Code/invalidEndpoint``, which says what is wrong.
    public init(url: String) throws(TransportError) {
        let (scheme, rest) = try Self.splitScheme(of: url)
        let defaultPort: Int
        let tls: TLSSettings?
        switch scheme {
        case "mqtt":
            (defaultPort, tls) = (1883, nil)
        case "mqtts":
            (defaultPort, tls) = (8883, TLSSettings())
        default:
            throw Self.invalid("The URL scheme \(scheme.debugDescription) is not known; use 'mqtt' or 'mqtts'.")
        }
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        guard rest[end...].isEmpty || rest[end...] == "/" else {
            throw Self.invalid("An \(scheme) URL has no path, query or fragment; end it after the port.")
        }
        // The last "@": people forget to encode those in passwords, and a host cannot hold one.
        var authority = rest[..<end]
        var userInfo: UserInfo?
        if let at = authority.lastIndex(of: "@") {
            userInfo = try Self.userInfo(authority[..<at])
            authority = authority[authority.index(after: at)...]
        }
        let (host, port) = try Self.hostAndPort(authority)
        self.init(host: host, port: port ?? defaultPort, tls: tls, userInfo: userInfo)
        try self.check()
    }

    private static func invalid(_ message: String) -> TransportError { TransportError(.invalidEndpoint, message) }

    private static func splitScheme(of url: String) throws(TransportError) -> (scheme: String, rest: Substring) {
        guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else {
            // The URL is not shown: it may hold a password.
            throw self.invalid("The URL has no scheme; write 'mqtt://host:port' or 'mqtts://host:port'.")
        }
        return (url[..<colon].lowercased(), url[url.index(colon, offsetBy: 3)...])
    }

    private static func userInfo(_ text: Substring) throws(TransportError) -> UserInfo {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let decoded = parts.map(self.percentDecoded)
        guard let user = decoded.first.flatMap({ $0 }), let password = decoded.last else {
            throw self.invalid("The user name in the URL is not percent-encoded UTF-8.")
        }
        guard parts.count == 2 else { return UserInfo(user: user, password: nil) }
        guard let password else {
            throw self.invalid("The password in the URL is not percent-encoded UTF-8; write '%25' for '%'.")
        }
        return UserInfo(user: user, password: password)
    }

    private static func hostAndPort(_ text: Substring) throws(TransportError) -> (host: String, port: Int?) {
        var host = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let bracket = text.firstIndex(of: "]") else {
                throw self.invalid("The IPv6 address in the URL has no closing bracket.")
            }
            host = text[text.index(after: text.startIndex)..<bracket]
            let rest = text[text.index(after: bracket)...]
            guard rest.isEmpty || rest.hasPrefix(":"), host.contains(":") else {
                throw self.invalid("The host in the URL is not an IPv6 address in brackets and ':port'.")
            }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
            guard port?.contains(":") == false else {
                throw self.invalid("The host in the URL holds ':'; write an IPv6 address in brackets.")
            }
        }
        guard let decoded = self.percentDecoded(host) else {
            throw self.invalid("The host in the URL is not percent-encoded UTF-8.")
        }
        // RFC 3986, 3.2.3: an empty port is the default one.
        guard let port, !port.isEmpty else { return (decoded, nil) }
        guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(port) else {
            throw self.invalid("The port in the URL is not a number.")
        }
        return (decoded, number)
    }

    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(self.hexDigit), let low = rest.popFirst().flatMap(self.hexDigit)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
