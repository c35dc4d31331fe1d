// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension ProxySettings {
    /// Reads a URL: `http://user:password@host:3128`, `https://host`, `socks5h://host` or `socks4a://user@host`.
    ///
    /// `socks5` and `socks4` look the broker's name up here, `socks5h` and `socks4a` let the proxy do it. Without a port it
    /// is 8080 for `http`, 443 for `https` and 1080 for the others. User name and password are percent-encoded.
    ///
    /// - Throws: ``TransportError`` with code ``TransportError/Code/invalidEndpoint``, which says what is wrong and does not
    ///   show the URL.
    public init(url: String) throws(TransportError) {
        guard let (scheme, text, rest) = URLAuthority.split(url) else {
            throw Self.invalidURL("has no scheme; write 'http://host:port' or 'socks5h://host:port'")
        }
        guard ["http", "https", "socks5", "socks5h", "socks4", "socks4a"].contains(scheme) else {
            throw Self.invalidURL("has a scheme that is not known; use http, https, socks5, socks5h, socks4 or socks4a")
        }
        guard rest.isEmpty || rest == "/" else {
            throw Self.invalidURL("has a path, query or fragment; end it after the port, and write '%2F' for '/'")
        }
        let authority = try URLAuthority(text, in: "the proxy's URL")
        // What the common check would quote.
        guard !authority.host.isEmpty else { throw Self.invalidURL("has no host") }
        guard authority.host.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }), authority.host.utf8.count <= 255 else {
            throw Self.invalidURL("has a host that is longer than 255 bytes or holds spaces or control characters")
        }
        self = Self.settings(scheme, authority)
        try self.check()
    }

    private static func settings(_ scheme: String, _ authority: URLAuthority) -> Self {
        let host = authority.host
        let user = authority.userInfo?.value
        var settings: Self
        switch scheme {
        case "http", "https":
            let tls = scheme == "https" ? TLSSettings() : nil
            let port = authority.port ?? (tls == nil ? 8080 : 443)
            settings = .http(host, port: port, username: user?.user, password: user?.password, tls: tls)
        case "socks4", "socks4a":
            let kind = scheme == "socks4" ? Kind.socks4 : .socks4a
            settings = Self(kind, host, authority.port ?? 1080, username: user?.user, password: user?.password)
        default:
            settings = .socks5(host, port: authority.port ?? 1080, username: user?.user, password: user?.password)
            settings.resolvesNames = scheme == "socks5h"
        }
        return settings
    }

    private static func invalidURL(_ what: String) -> TransportError {
        TransportError(.invalidEndpoint, "The proxy's URL \(what).")
    }
}
