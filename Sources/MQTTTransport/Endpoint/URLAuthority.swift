// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// What stands in a URL between the scheme and the path (RFC 3986, 3.2): user information, host and port, decoded.
struct URLAuthority: Hashable {
    /// It may hold a password, so the URL is never shown.
    let userInfo: Hidden<Endpoint.UserInfo>?
    /// An IPv6 address without brackets; empty where there is none.
    let host: String
    let port: Int?

    /// Takes a URL apart; nil without a scheme.
    ///
    /// What follows the authority begins with "/", "?" or "#" or is empty.
    static func split(_ url: String) -> (scheme: String, authority: Substring, rest: Substring)? {
        guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else { return nil }
        let behind = url[url.index(colon, offsetBy: 3)...]
        let end = behind.firstIndex { "/?#".contains($0) } ?? behind.endIndex
        return (url[..<colon].lowercased(), behind[..<end], behind[end...])
    }

    /// Reads an authority of a URL that errors call `name`.
    init(_ text: Substring, in name: String = "the URL") throws(TransportError) {
        // The last "@": people forget to encode those in passwords, and a host cannot hold one.
        guard let at = text.lastIndex(of: "@") else {
            self.userInfo = nil
            (self.host, self.port) = try Self.hostAndPort(text, name)
            return
        }
        self.userInfo = Hidden(try Self.userInfo(text[..<at], name))
        (self.host, self.port) = try Self.hostAndPort(text[text.index(after: at)...], name)
    }

    private static func invalid(_ message: String) -> TransportError { TransportError(.invalidEndpoint, message) }

    private static func userInfo(_ text: Substring, _ name: String) throws(TransportError) -> Endpoint.UserInfo {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let decoded = parts.map(self.percentDecoded)
        guard let user = decoded.first.flatMap({ $0 }), let password = decoded.last else {
            throw self.invalid("The user name in \(name) is not percent-encoded UTF-8.")
        }
        guard parts.count == 2 else { return Endpoint.UserInfo(user: user, password: nil) }
        guard let password else {
            throw self.invalid("The password in \(name) is not percent-encoded UTF-8; write '%25' for '%'.")
        }
        return Endpoint.UserInfo(user: user, password: password)
    }

    private static func hostAndPort(
        _ text: Substring,
        _ name: String
    ) throws(TransportError) -> (host: String, port: Int?) {
        var host = text
        var port: Substring?
        if text.hasPrefix("[") {
            guard let bracket = text.firstIndex(of: "]") else {
                throw self.invalid("The IPv6 address in \(name) has no closing bracket.")
            }
            host = text[text.index(after: text.startIndex)..<bracket]
            let rest = text[text.index(after: bracket)...]
            guard rest.isEmpty || rest.hasPrefix(":"), host.contains(":") else {
                throw self.invalid("The host in \(name) is not an IPv6 address in brackets and ':port'.")
            }
            port = rest.isEmpty ? nil : rest.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            port = text[text.index(after: colon)...]
            guard port?.contains(":") == false else {
                throw self.invalid("The host in \(name) holds ':'; write an IPv6 address in brackets.")
            }
        }
        guard let decoded = self.percentDecoded(host) else {
            throw self.invalid("The host in \(name) is not percent-encoded UTF-8.")
        }
        // RFC 3986, 3.2.3: an empty port is the default one.
        guard let port, !port.isEmpty else { return (decoded, nil) }
        guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(port) else {
            throw self.invalid("The port in \(name) is not a number.")
        }
        return (decoded, number)
    }

    /// The text with its "%xx" decoded; nil when it is not UTF-8 then.
    static func percentDecoded(_ text: Substring) -> String? {
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
