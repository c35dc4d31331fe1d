// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension Endpoint {
    /// Reads a URL: `mqtt://host`, `mqtts://user:password@host:8883`, `wss://host/path?query` or `unix:///path`.
    ///
    /// | scheme | what | port unless given |
    /// |---|---|---|
    /// | `mqtt` | TCP | 1883 |
    /// | `mqtts` | TLS | 8883 |
    /// | `ws` | WebSocket, with the path `/mqtt` unless there is one | 80 |
    /// | `wss` | WebSocket over TLS | 443 |
    /// | `unix` | a Unix socket: `unix:///run/broker.sock` | |
    ///
    /// The user name and the password are kept for CONNECT and never appear in ``description`` or in an error. Whatever in
    /// them, in the host or in the path of a socket is no letter or digit may be percent-encoded; the path and query of a
    /// WebSocket are sent as they are.
    ///
    /// - Throws: ``TransportError`` with code ``TransportError/Code/invalidEndpoint``, which says what is wrong.
    public init(url: String) throws(TransportError) {
        guard let (scheme, text, rest) = URLAuthority.split(url) else {
            // The URL is not shown: it may hold a password.
            throw Self.invalid("The URL has no scheme; write 'mqtt://host:port' or 'mqtts://host:port'.")
        }
        guard scheme != "unix" else {
            try self.init(socketAuthority: text, path: rest)
            return
        }
        guard let kind = URLKind(scheme: scheme) else {
            let known = "'mqtt', 'mqtts', 'ws', 'wss' or 'unix'"
            throw Self.invalid("The URL scheme \(scheme.debugDescription) is not known; use \(known).")
        }
        let authority = try URLAuthority(text)
        self.init(
            host: authority.host,
            port: authority.port ?? kind.defaultPort,
            tls: kind.isSecure ? TLSSettings() : nil,
            webSocket: try Self.webSocket(rest, kind, scheme),
            userInfo: authority.userInfo?.value
        )
        try self.check()
    }

    private static func webSocket(
        _ rest: Substring,
        _ kind: URLKind,
        _ scheme: String
    ) throws(TransportError) -> WebSocketSettings? {
        guard kind.isWebSocket else {
            if rest.isEmpty || rest == "/" { return nil }
            throw Self.invalid("An \(scheme) URL has no path, query or fragment; end it after the port.")
        }
        guard !rest.utf8.contains(UInt8(ascii: "#")) else {
            throw Self.invalid("A \(scheme) URL has no fragment; write '%23' for '#'.")
        }
        var settings = WebSocketSettings()
        // A query alone is one of the default path.
        if rest.hasPrefix("?") { settings.path += rest } else if !rest.isEmpty { settings.path = String(rest) }
        return settings
    }

    /// A Unix socket: user information may stand where the host would.
    private init(socketAuthority text: Substring, path: Substring) throws(TransportError) {
        let authority = try URLAuthority(text)
        guard authority.host.isEmpty, authority.port == nil else {
            throw Self.invalid("A unix URL has no host or port; write 'unix:///path', with three slashes.")
        }
        guard !path.utf8.contains(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) else {
            throw Self.invalid("A unix URL has no query or fragment; write '%3F' for '?' and '%23' for '#'.")
        }
        guard let decoded = URLAuthority.percentDecoded(path) else {
            throw Self.invalid("The path in the URL is not percent-encoded UTF-8; write '%25' for '%'.")
        }
        guard decoded.utf8.count > 1 else {
            throw Self.invalid("The unix URL has no path; write 'unix:///path', with three slashes.")
        }
        self.init(target: .path(decoded), tls: nil, webSocket: nil, userInfo: authority.userInfo?.value)
        try self.check()
    }

    private static func invalid(_ message: String) -> TransportError { TransportError(.invalidEndpoint, message) }
}

/// What the scheme of a URL with a host says.
private struct URLKind {
    let isWebSocket: Bool
    let isSecure: Bool

    init?(scheme: String) {
        switch scheme {
        case "mqtt": (self.isWebSocket, self.isSecure) = (false, false)
        case "mqtts": (self.isWebSocket, self.isSecure) = (false, true)
        case "ws": (self.isWebSocket, self.isSecure) = (true, false)
        case "wss": (self.isWebSocket, self.isSecure) = (true, true)
        default: return nil
        }
    }

    var defaultPort: Int {
        if self.isWebSocket { return self.isSecure ? 443 : 80 }
        return self.isSecure ? 8883 : 1883
    }
}
