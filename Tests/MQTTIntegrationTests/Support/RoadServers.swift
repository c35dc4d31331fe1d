// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture

/// Servers for tests of roads that neither stop them nor ask anything special of them; they end with the process.
enum RoadServers {
    private static let startingBroker = Task {
        try await MosquittoServer.start(.init(tls: .init(), webSocket: true, unixSocket: true))
    }
    private static let startingTinyProxy = Task { try await TinyProxy.start() }
    private static let startingDante = Task { try await Dante.start() }

    /// A broker with all its listeners.
    static var broker: MosquittoServer {
        get async throws { try await self.startingBroker.value }
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
