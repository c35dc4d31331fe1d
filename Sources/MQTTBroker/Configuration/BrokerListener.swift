// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A place where clients connect to.
public struct BrokerListener: Hashable, Sendable {
    enum Place: Hashable, Sendable {
        case host(String, port: Int)
        case path(String)
    }

    let place: Place
    let tls: BrokerTLS?
    /// The path of the request for a WebSocket, or nil; without one in it any path will do.
    let webSocket: WebSocketPath?

    struct WebSocketPath: Hashable, Sendable {
        let path: String?
    }

    private init(_ place: Place, tls: BrokerTLS? = nil, webSocket: WebSocketPath? = nil) {
        self.place = place
        self.tls = tls
        self.webSocket = webSocket
    }

    /// TCP, without TLS.
    ///
    /// - Parameters:
    ///   - host: The address to listen at; only 127.0.0.1 and ::1 cannot be reached from other machines.
    ///   - port: The port; 0 takes a free one.
    /// - Returns: The listener.
    public static func tcp(host: String = "127.0.0.1", port: Int = 0) -> Self { Self(.host(host, port: port)) }

    /// TLS over TCP; port 0 takes a free one.
    public static func tls(host: String = "127.0.0.1", port: Int = 0, _ tls: BrokerTLS) -> Self {
        Self(.host(host, port: port), tls: tls)
    }

    /// WebSocket over TCP; port 0 takes a free one, and path nil is any (MQTT 5.0, 6).
    public static func webSocket(
        host: String = "127.0.0.1",
        port: Int = 0,
        path: String? = "/mqtt"
    ) -> Self {
        Self(.host(host, port: port), webSocket: WebSocketPath(path: path))
    }

    /// WebSocket over TLS; port 0 takes a free one, and path nil is any.
    public static func secureWebSocket(
        host: String = "127.0.0.1",
        port: Int = 0,
        path: String? = "/mqtt",
        _ tls: BrokerTLS
    ) -> Self {
        Self(.host(host, port: port), tls: tls, webSocket: WebSocketPath(path: path))
    }

    /// A Unix socket.
    ///
    /// The file must not be there, unless it is a socket whose program has ended; it is removed when the broker stops.
    public static func unix(_ path: String) -> Self { Self(.path(path)) }

    /// The same on a port that is known by now.
    func at(port: Int) -> Self {
        guard case .host(let host, _) = self.place else { return self }
        return Self(.host(host, port: port), tls: self.tls, webSocket: self.webSocket)
    }
}

extension BrokerListener: CustomStringConvertible {
    /// The listener as a URL.
    public var description: String {
        let scheme =
            switch (self.tls != nil, self.webSocket != nil) {
            case (false, false): "mqtt"
            case (true, false): "mqtts"
            case (false, true): "ws"
            case (true, true): "wss"
            }
        switch self.place {
        case .path(let path): return "unix://\(path)"
        case .host(let host, let port):
            let host = host.contains(":") ? "[\(host)]" : host
            return "\(scheme)://\(host):\(port)\(self.webSocket.map { $0.path ?? "/" } ?? "")"
        }
    }
}
