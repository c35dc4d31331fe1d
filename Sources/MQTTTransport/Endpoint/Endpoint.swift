// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Where a broker is and how to get there: a host and port, a Unix socket or a service; with TLS, WebSocket, a proxy.
///
/// ```swift
/// var endpoint = Endpoint.secureWebSocket("broker.example.com", WebSocketSettings(path: "/mqtt"))
/// endpoint.proxy = .through(.http("proxy.example.com", port: 3128))
/// endpoint.socketOptions.bindAddress = "192.0.2.7"
/// ```
public struct Endpoint: Hashable, Sendable {
    /// A user name, and a password if there is one.
    package struct UserInfo: Hashable, Sendable {
        package var user: String
        package var password: String?

        package init(user: String, password: String?) {
            self.user = user
            self.password = password
        }
    }

    /// What is connected to.
    enum Target: Hashable {
        case host(String, port: Int)
        /// A Unix socket.
        case path(String)
        /// The servers that DNS names for a service.
        case service(ServiceLookup)
        /// Connections of the user's own code.
        case stream(ByteStreamSource)
    }

    let target: Target

    /// How TLS is made; nil for a connection without it.
    ///
    /// Set it to give an endpoint of a URL authorities or a certificate of your own; the port stays as it is.
    public var tls: TLSSettings?

    /// How a WebSocket is asked for; nil for a connection without one.
    public var webSocket: WebSocketSettings?

    /// The credentials of the URL; they are for CONNECT and no business of the transport.
    package private(set) var userInfo: Hidden<UserInfo>?

    /// Whether to go through a proxy; by default not.
    ///
    /// Hosts and services can be reached through one, with and without TLS and WebSocket.
    public var proxy = ProxyChoice.direct

    /// Where the socket begins and how it behaves.
    public var socketOptions = SocketOptions()

    init(target: Target, tls: TLSSettings?, webSocket: WebSocketSettings?, userInfo: UserInfo? = nil) {
        self.target = target
        self.tls = tls
        self.webSocket = webSocket
        self.userInfo = userInfo.map { Hidden($0) }
    }

    init(
        host: String,
        port: Int,
        tls: TLSSettings?,
        webSocket: WebSocketSettings? = nil,
        userInfo: UserInfo? = nil
    ) {
        let utf8 = host.utf8
        let isBracketed = utf8.first == UInt8(ascii: "[") && utf8.last == UInt8(ascii: "]") && utf8.count > 2
        let host = isBracketed ? String(host.dropFirst().dropLast()) : host
        self.init(target: .host(host, port: port), tls: tls, webSocket: webSocket, userInfo: userInfo)
    }

    /// The same way to another server, whose own name its certificate has to be for.
    package func moved(to host: String, port: Int?) -> Endpoint {
        var moved = self.leading(to: HostAndPort(host: host, port: port ?? self.port))
        moved.tls?.serverName = nil
        return moved
    }

    /// The same way to one server.
    func leading(to destination: HostAndPort) -> Endpoint {
        let port = destination.port == 0 ? self.defaultPort : destination.port
        var endpoint = Endpoint(host: destination.host, port: port, tls: self.tls, webSocket: self.webSocket)
        endpoint.userInfo = self.userInfo
        endpoint.proxy = self.proxy
        endpoint.socketOptions = self.socketOptions
        return endpoint
    }
}

extension Endpoint {
    /// The host name or IP address, an IPv6 address without brackets; the path of a Unix socket, the domain of a service.
    public var host: String {
        switch self.target {
        case .host(let host, _): host
        case .path(let path): path
        case .service(let service): service.domain ?? ""
        case .stream(let source): source.name
        }
    }

    /// The port; 0 where there is none.
    public var port: Int { if case .host(_, let port) = self.target { port } else { 0 } }

    /// Whether bytes travel in TLS.
    public var isSecure: Bool { self.tls != nil }

    /// The port such servers usually have.
    private var defaultPort: Int {
        if self.webSocket != nil { return self.tls == nil ? 80 : 443 }
        return self.tls == nil ? 1883 : 8883
    }
}

extension Endpoint: CustomStringConvertible {
    /// The endpoint as a URL, without credentials and the query, for example `mqtts://broker.example.com:8883`.
    public var description: String {
        let scheme =
            if self.webSocket != nil {
                self.tls == nil ? "ws" : "wss"
            } else {
                self.tls == nil ? "mqtt" : "mqtts"
            }
        let path = (self.webSocket?.path).map { $0.prefix { $0 != "?" } } ?? ""
        switch self.target {
        case .host(let host, let port): return "\(scheme)://\(HostAndPort(host: host, port: port))\(path)"
        case .path(let path): return scheme == "mqtt" ? "unix://\(path)" : "unix://\(path) (\(scheme))"
        case .service(let service): return "\(scheme) service of \(service.domain ?? "this host's domain")"
        case .stream(let source): return scheme == "mqtt" ? source.name : "\(source.name) (\(scheme))"
        }
    }
}
