// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MosquittoFixture
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(5))) struct ProxyFixtureTests {
    private func isUp(_ port: Int) async -> Bool {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        guard let channel = try? await bootstrap.connect(host: "127.0.0.1", port: port).get() else { return false }
        try? await channel.close().get()
        return true
    }

    @Test func `an HTTP proxy starts, restarts on its port and is gone at the end`() async throws {
        let port = try await TinyProxy.withProxy(user: "ann", password: "sesame", connectPorts: [1_883]) { proxy in
            #expect(await self.isUp(proxy.port))
            try await proxy.stop()
            try await self.waitUntilDown(proxy.port)
            try await proxy.start()
            #expect(await self.isUp(proxy.port))
            return proxy.port
        }
        try await self.waitUntilDown(port)
    }

    @Test func `a SOCKS server starts, restarts on its port and is gone at the end`() async throws {
        let port = try await Dante.withServer(blockedPorts: [1_883]) { dante in
            #expect(await self.isUp(dante.port))
            try await dante.stop()
            try await self.waitUntilDown(dante.port)
            try await dante.start()
            #expect(await self.isUp(dante.port))
            return dante.port
        }
        try await self.waitUntilDown(port)
    }

    /// The processes a server has started end a moment behind it.
    private func waitUntilDown(_ port: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while await self.isUp(port) {
            try #require(ContinuousClock.now < deadline, "something still listens at \(port)")
            try await ChildProcess.tick()
        }
    }
}
