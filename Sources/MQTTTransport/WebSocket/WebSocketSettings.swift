// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// How to ask an HTTP server for a WebSocket.
public struct WebSocketSettings: Hashable, Sendable {
    /// The path of the request, with the query if there is one.
    public var path: String

    /// Makes settings; without arguments they are right for most brokers.
    public init(path: String = "/mqtt") {
        self.path = path
    }
}
