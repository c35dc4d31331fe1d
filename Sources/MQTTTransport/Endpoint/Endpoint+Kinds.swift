// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension Endpoint {
    /// A broker without TLS: everything, passwords too, can be read on the way.
    public static func tcp(_ host: String, port: Int = 1883) -> Self {
        Self(host: host, port: port, tls: nil)
    }

    /// A broker with TLS; by default the system's authorities are trusted and the host name is checked.
    public static func tls(_ host: String, port: Int = 8883, _ settings: TLSSettings = TLSSettings()) -> Self {
        Self(host: host, port: port, tls: settings)
    }

    /// A broker behind WebSocket, without TLS: everything, passwords too, can be read on the way.
    public static func webSocket(
        _ host: String,
        port: Int = 80,
        _ settings: WebSocketSettings = WebSocketSettings()
    ) -> Self {
        Self(host: host, port: port, tls: nil, webSocket: settings)
    }

    /// A broker behind WebSocket with TLS; by default the system's authorities are trusted and the host name is checked.
    public static func secureWebSocket(
        _ host: String,
        port: Int = 443,
        _ settings: WebSocketSettings = WebSocketSettings(),
        tls: TLSSettings = TLSSettings()
    ) -> Self {
        Self(host: host, port: port, tls: tls, webSocket: settings)
    }

    /// A broker on this machine behind a Unix socket, given by its path.
    ///
    /// With TLS, ``TLSSettings/serverName`` says what the server's certificate must be for; without it, "localhost".
    public static func unix(
        _ path: String,
        tls: TLSSettings? = nil,
        webSocket: WebSocketSettings? = nil
    ) -> Self {
        Self(target: .path(path), tls: tls, webSocket: webSocket)
    }
}
