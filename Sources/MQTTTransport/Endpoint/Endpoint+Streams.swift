// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

extension Endpoint {
    /// A broker behind connections of the program's own: a tunnel, a serial line, a pair in memory.
    ///
    /// ```swift
    /// let endpoint = Endpoint.custom("tunnel") { try await Tunnel.open() }
    /// ```
    ///
    /// TLS and WebSocket go over such a connection as over any other. A proxy does not, and ``socketOptions`` say nothing
    /// to it. With TLS, ``TLSSettings/serverName`` says what the server's certificate must be for; without it, "localhost".
    ///
    /// - Parameters:
    ///   - name: What it is called in descriptions and errors.
    ///   - tls: How to make TLS on it, or nil.
    ///   - webSocket: How to ask for a WebSocket on it, or nil.
    ///   - open: Opens a connection, at each attempt a new one. When the time of the attempt is over, its task is cancelled;
    ///     a connection that comes later still is closed. What it throws is the cause of the ``TransportError``.
    /// - Returns: The endpoint.
    public static func custom(
        _ name: String = "custom",
        tls: TLSSettings? = nil,
        webSocket: WebSocketSettings? = nil,
        open: @escaping @Sendable () async throws -> any ByteStream
    ) -> Self {
        Self(target: .stream(ByteStreamSource(name: name, open: Hook(open))), tls: tls, webSocket: webSocket)
    }
}
