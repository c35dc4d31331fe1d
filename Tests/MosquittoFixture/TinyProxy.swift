// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A real HTTP proxy on a port of its own, for one test.
///
/// ```swift
/// try await TinyProxy.withProxy(user: "ann", password: "sesame") { proxy in
///     // 127.0.0.1:proxy.port
/// }
/// ```
package final class TinyProxy: Sendable {
    /// Its port on 127.0.0.1, the same across restarts.
    package var port: Int { self.server.port }
    /// What it has said so far, over all its runs; each CONNECT is in it.
    package var log: String { self.server.log }

    private let server: LoopbackServer

    private init(_ server: LoopbackServer) { self.server = server }

    /// Starts a proxy that runs until ``stop()`` or until nobody holds it.
    ///
    /// With a user only that one may use it, by basic authentication; with `connectPorts` it connects to those only.
    package static func start(
        user: String? = nil,
        password: String = "",
        connectPorts: [Int] = []
    ) async throws -> TinyProxy {
        let server = try await LoopbackServer.start("tinyproxy") { _ in
            ["-d", "-c"]
        } configuration: { port in
            var lines = ["Port \(port)", "Listen 127.0.0.1", "Allow 127.0.0.1", "Timeout 600", "MaxClients 100"]
            if let user { lines.append("BasicAuth \(user) \(password)") }
            return lines + connectPorts.map { "ConnectPort \($0)" }
        }
        return TinyProxy(server)
    }

    /// Starts a proxy, runs `body` and stops the proxy.
    package static func withProxy<Result>(
        user: String? = nil,
        password: String = "",
        connectPorts: [Int] = [],
        _ body: (TinyProxy) async throws -> Result
    ) async throws -> Result {
        let proxy = try await Self.start(user: user, password: password, connectPorts: connectPorts)
        return try await proxy.server.running { try await body(proxy) }
    }

    /// Starts it again on its port.
    package func start() async throws { try await self.server.start() }

    /// Stops it; its connections are cut.
    package func stop() async throws { try await self.server.stop() }
}
