// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A real SOCKS server on a port of its own, for one test: SOCKS5 without authentication, and SOCKS4.
///
/// It has no users: Dante knows those of the system only, and a test adds none to a machine. SOCKS5 with user and password
/// is tested against scripted servers, and so are the names of SOCKS4a, which it does not know.
package final class Dante: Sendable {
    /// Its port on 127.0.0.1, the same across restarts.
    package var port: Int { self.server.port }
    /// What it has said so far, over all its runs; each connection and its end are in it.
    package var log: String { self.server.log }

    private let server: LoopbackServer

    private init(_ server: LoopbackServer) { self.server = server }

    /// Starts a server that runs until ``stop()`` or until nobody holds it.
    ///
    /// Its rules let nobody connect to `blockedPorts`.
    package static func start(blockedPorts: [Int] = []) async throws -> Dante {
        // Debian's name for it, and its own.
        let program = (try? ChildProcess.find("danted")) == nil ? "sockd" : "danted"
        let server = try await LoopbackServer.start(program) { folder in
            // Its file of the process ID would be the machine's otherwise.
            ["-p", folder.file("danted.pid"), "-f"]
        } configuration: { port in
            Self.configuration(port: port, blockedPorts: blockedPorts)
        }
        return Dante(server)
    }

    private static func configuration(port: Int, blockedPorts: [Int]) -> [String] {
        var lines = [
            "logoutput: stdout",
            "internal: 127.0.0.1 port = \(port)",
            "external: 127.0.0.1",
            "socksmethod: none",
            "clientmethod: none",
        ]
        if geteuid() == 0 { lines += ["user.privileged: root", "user.unprivileged: nobody"] }
        func rule(_ head: String, _ port: Int? = nil) -> [String] {
            let to = port.map { " port = \($0)" } ?? ""
            return ["\(head) {", "from: 0.0.0.0/0 to: 0.0.0.0/0\(to)", "log: error connect disconnect", "}"]
        }
        lines += rule("client pass")
        for port in blockedPorts { lines += rule("socks block", port) }
        return lines + rule("socks pass")
    }

    /// Starts a server, runs `body` and stops the server.
    package static func withServer<Result>(
        blockedPorts: [Int] = [],
        _ body: (Dante) async throws -> Result
    ) async throws -> Result {
        let dante = try await Self.start(blockedPorts: blockedPorts)
        return try await dante.server.running { try await body(dante) }
    }

    /// Starts it again on its port.
    package func start() async throws { try await self.server.start() }

    /// Stops it; its connections are cut.
    package func stop() async throws { try await self.server.stop() }
}
