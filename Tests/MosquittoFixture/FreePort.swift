// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization

/// Ports of the loopback interface that nobody listens on.
///
/// Taken from below the range out of which systems serve outgoing connections. A port from that range could, while its
/// broker restarts, be given to somebody's outgoing connection; a client that keeps trying it can even meet itself.
package enum FreePort {
    private static let given = Mutex<Set<Int>>([])

    package static func find() async throws -> Int {
        for _ in 0..<200 {
            let port = Int.random(in: 15_000..<32_000)
            guard self.given.withLock({ $0.insert(port).inserted }) else { continue }
            // Asked by connecting: a socket that listened, if only to see whether it can, would live on for a moment in
            // every child that is being started just then.
            do {
                let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                try await bootstrap.connect(host: "127.0.0.1", port: port).get().close().get()
            } catch {
                return port
            }
        }
        throw FixtureError("no free port between 15000 and 32000 on 127.0.0.1 in 200 attempts")
    }
}
