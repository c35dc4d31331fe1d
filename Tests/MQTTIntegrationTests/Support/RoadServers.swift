// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture

/// Servers for tests of roads that neither stop them nor ask anything special of them; they end with the process.
enum RoadServers {
    private static let startingBroker = Task {
        try await MosquittoServer.start(.init(tls: .init(), unixSocket: true))
    }
    private static let startingWebSocketBroker = Task {
        try await MosquittoServer.start(.init(tls: .init(), webSocket: true))
    }
    private static let startingTinyProxy = Task { try await TinyProxy.start() }
    private static let startingDante = Task { try await Dante.start() }

    /// A broker that listens for TCP, TLS and at a Unix socket.
    static var broker: MosquittoServer {
        get async throws { try await self.startingBroker.value }
    }

    /// A broker that listens for WebSockets, with TLS and without.
    ///
    /// A process of its own, and its TLS port is for no test: when a WebSocket over TLS is closed from both sides at once,
    /// Mosquitto's WebSocket library leaves an error behind in the thread ("application data after close notify"), and the
    /// broker takes it for one of the next TLS connection it serves, which it then drops.
    static var webSocketBroker: MosquittoServer {
        get async throws { try await self.startingWebSocketBroker.value }
    }

    /// An HTTP proxy without users.
    static var tinyProxy: TinyProxy {
        get async throws { try await self.startingTinyProxy.value }
    }

    /// A SOCKS server without users.
    static var dante: Dante {
        get async throws { try await self.startingDante.value }
    }
}
