// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A proxy between this program and a broker.
///
/// ```swift
/// endpoint.proxy = .through(.http("proxy.example.com", port: 3128, username: "ann", password: secret))
/// endpoint.proxy = .through(.socks5("127.0.0.1"))
/// endpoint.proxy = .through(try ProxySettings(url: "socks5h://proxy.example.com"))
/// ```
///
/// The credentials go to the proxy only, and never into a description, an error or a log.
public struct ProxySettings: Hashable, Sendable, CustomStringConvertible {
    enum Kind: Hashable { case http, socks4, socks4a, socks5 }

    /// A field of the request to an HTTP proxy.
    struct Header: Hashable {
        var name: String
        var value: String
    }

    let kind: Kind

    /// The host name or IP address of the proxy, an IPv6 address without brackets.
    public let host: String

    /// The port of the proxy.
    public let port: Int

    /// Of SOCKS4 only the user is used.
    let userInfo: Hidden<Endpoint.UserInfo>?

    /// How to make TLS to the proxy itself, or nil.
    let tls: TLSSettings?

    /// They may hold tokens.
    private(set) var fields = Hidden<[Header]>([])
    private var resolvesRemotely = true

    init(
        _ kind: Kind,
        _ host: String,
        _ port: Int,
        username: String?,
        password: String? = nil,
        tls: TLSSettings? = nil
    ) {
        let utf8 = host.utf8
        let isBracketed = utf8.first == UInt8(ascii: "[") && utf8.last == UInt8(ascii: "]") && utf8.count > 2
        self.kind = kind
        self.host = isBracketed ? String(host.dropFirst().dropLast()) : host
        self.port = port
        self.tls = tls
        let isAnonymous = username == nil && password == nil
        self.userInfo = isAnonymous ? nil : Hidden(Endpoint.UserInfo(user: username ?? "", password: password))
    }

    /// An HTTP proxy, asked to CONNECT; user and password by basic authentication (RFC 7617).
    ///
    /// Without `tls` everybody on the way to the proxy can read the user name and the password.
    ///
    /// With `tls`, TLS is made to the proxy itself ("https proxy"), and what is inside, TLS to the broker too, goes through
    /// it. Without a user name and a password no credentials are sent.
    public static func http(
        _ host: String,
        port: Int = 8080,
        username: String? = nil,
        password: String? = nil,
        tls: TLSSettings? = nil
    ) -> Self {
        Self(.http, host, port, username: username, password: password, tls: tls)
    }

    /// A SOCKS5 proxy (RFC 1928); user and password of 1 to 255 bytes each, sent in clear (RFC 1929).
    public static func socks5(
        _ host: String,
        port: Int = 1080,
        username: String? = nil,
        password: String? = nil
    ) -> Self {
        Self(.socks5, host, port, username: username, password: password)
    }

    /// A SOCKS4 proxy, which connects to IPv4 addresses only; the broker's name is looked up here.
    public static func socks4(_ host: String, port: Int = 1080, userID: String? = nil) -> Self {
        Self(.socks4, host, port, username: userID)
    }

    /// A SOCKS4 proxy that looks names up.
    public static func socks4a(_ host: String, port: Int = 1080, userID: String? = nil) -> Self {
        Self(.socks4a, host, port, username: userID)
    }

    /// Whether the proxy looks the broker's name up (paho's `proxy_rdns`); otherwise this program does.
    ///
    /// True unless told otherwise. SOCKS4 cannot: false there, whatever is set. What is looked up here is one address, the
    /// first of those that ``SocketOptions/addressFamily`` lets be used.
    public var resolvesNames: Bool {
        get { self.kind != .socks4 && self.resolvesRemotely }
        set { self.resolvesRemotely = newValue }
    }

    /// Further fields of the request to an HTTP proxy, for example `Proxy-Authorization` with a token.
    ///
    /// A `Proxy-Authorization` here replaces that of user and password. Names and values are checked when a connection is
    /// made.
    public var headers: [(name: String, value: String)] {
        get { self.fields.value.map { ($0.name, $0.value) } }
        set { self.fields = Hidden(newValue.map { Header(name: $0.name, value: $0.value) }) }
    }

    /// The proxy as a URL, without credentials.
    public var description: String {
        let scheme =
            switch self.kind {
            case .http: self.tls == nil ? "http" : "https"
            case .socks4: "socks4"
            case .socks4a: self.resolvesNames ? "socks4a" : "socks4"
            case .socks5: self.resolvesNames ? "socks5h" : "socks5"
            }
        return "\(scheme)://\(HostAndPort(host: self.host, port: self.port))"
    }

    /// Which addresses may be looked up here for the proxy to connect to.
    func addressFamily(_ wanted: SocketOptions.AddressFamily) -> SocketOptions.AddressFamily {
        switch self.kind {
        case .socks4, .socks4a: wanted == .onlyIPv6 ? wanted : .onlyIPv4
        case .http, .socks5: wanted
        }
    }

    /// The handshake with the proxy.
    func stage(to destination: HostAndPort) throws(TransportError) -> any ChannelStage {
        try self.check()
        return ProxyStage(self, to: destination, try self.handshake(to: destination))
    }

    private func handshake(to destination: HostAndPort) throws(TransportError) -> any ProxyHandshake {
        let target = try ProxyTarget(destination)
        return switch self.kind {
        case .http: HTTPConnectHandshake(to: target, fields: self.requestFields, secrets: self.secrets)
        case .socks5: SOCKS5Handshake(to: target, userInfo: self.userInfo?.value, secrets: self.secrets)
        case .socks4, .socks4a:
            try SOCKS4Handshake(to: target, userID: self.userInfo?.value.user ?? "", self, secrets: self.secrets)
        }
    }
}
