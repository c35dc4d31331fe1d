// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A proxy between this program and a broker.
public struct ProxySettings: Hashable, Sendable, CustomStringConvertible {
    enum Kind: Hashable { case http, socks4, socks5 }

    let kind: Kind

    /// The host name or IP address of the proxy.
    public let host: String

    /// The port of the proxy.
    public let port: Int

    let userInfo: Hidden<Endpoint.UserInfo>?

    /// How to make TLS to the proxy itself, or nil.
    let tls: TLSSettings?

    /// Whether the proxy looks the broker's name up; otherwise this program does.
    public var resolvesNames = true

    /// The proxy as a URL, without credentials.
    public var description: String {
        let scheme =
            switch self.kind {
            case .http: self.tls == nil ? "http" : "https"
            case .socks4: self.resolvesNames ? "socks4a" : "socks4"
            case .socks5: self.resolvesNames ? "socks5h" : "socks5"
            }
        return "\(scheme)://\(HostAndPort(host: self.host, port: self.port))"
    }

    /// The handshake with the proxy.
    func stage(to destination: HostAndPort) throws(TransportError) -> any ChannelStage {
        throw TransportError(.other, "to be written")
    }

    /// Throws when the proxy cannot be used.
    func check() throws(TransportError) {
        try Endpoint.check(port: self.port, of: "The proxy's port")
        try Endpoint.check(host: self.host, of: "The proxy's host")
    }
}
