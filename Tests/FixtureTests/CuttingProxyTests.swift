// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MosquittoFixture
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(10))) struct CuttingProxyTests {
    /// Runs `body` with a proxy in front of a server that sends back whatever it gets.
    private func withEcho(_ body: (CuttingProxy) async throws -> Void) async throws {
        let echo = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Echo()) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(echo.localAddress?.port)
        try await CuttingProxy.withProxy(to: port, body)
        try await echo.close()
    }

    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(data, promise: nil)
        }
    }

    @Test func `a broker can be spoken to through the proxy`() async throws {
        try await MosquittoServer.withServer { server in
            try await CuttingProxy.withProxy(to: server.port) { proxy in
                try await RawConnection.with(port: proxy.port) { connection in
                    try await connection.write(Packets.connect("a"))
                    #expect(try await connection.next(4) == Packets.accepted)
                    // The broker closes after DISCONNECT, and the proxy hands that on.
                    try await connection.write(Packets.disconnect)
                    #expect(try await connection.rest() == [])
                }
                try await proxy.waitUntilUnused()
                #expect(try await proxy.connectionCount == 1)
                #expect(try await proxy.forwardedBytes(.serverToClient) == 4)
            }
        }
    }

    @Test func `a large stream comes through unchanged`() async throws {
        try await self.withEcho { proxy in
            let sent = (0..<2_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 251) }
            try await RawConnection.with(port: proxy.port) { connection in
                async let writing: Void = connection.write(sent)
                #expect(try await connection.next(sent.count) == sent)
                try await writing
            }
        }
    }

    @Test(arguments: [0, 1, 7, 1_000]) func `the server's bytes are cut exactly`(count: Int) async throws {
        try await self.withEcho { proxy in
            try await proxy.cut(after: count, of: .serverToClient)
            try await RawConnection.with(port: proxy.port) { connection in
                try await connection.write(Array(repeating: 9, count: 3_000))
                #expect(try await connection.rest().count == count)
            }
            #expect(try await proxy.cutCount == 1)
            // Once only: the next connection is whole.
            try await RawConnection.with(port: proxy.port) { connection in
                try await connection.write(Array(repeating: 9, count: 3_000))
                #expect(try await connection.next(3_000).count == 3_000)
            }
        }
    }

    @Test(arguments: [0, 1, 7, 1_000]) func `the client's bytes are cut exactly`(count: Int) async throws {
        try await self.withEcho { proxy in
            try await proxy.cut(after: count, of: .clientToServer)
            try await RawConnection.with(port: proxy.port) { connection in
                try await connection.write(Array(repeating: 9, count: 3_000))
                _ = try? await connection.rest()
            }
            try await proxy.waitForCuts(1)
            #expect(try await proxy.forwardedBytes(.clientToServer) == count)
        }
    }

    @Test func `cuts go on when asked to, until spared`() async throws {
        try await self.withEcho { proxy in
            try await proxy.cut(after: 100, of: .serverToClient, again: true)
            for _ in 0..<3 {
                try await RawConnection.with(port: proxy.port) { connection in
                    try await connection.write(Array(repeating: 9, count: 250))
                    #expect(try await connection.rest().count == 100)
                }
            }
            #expect(try await proxy.cutCount == 3)
            try await proxy.spare()
            try await RawConnection.with(port: proxy.port) { connection in
                try await connection.write(Array(repeating: 9, count: 250))
                #expect(try await connection.next(250).count == 250)
            }
        }
    }

    @Test(arguments: [false, true]) func `a cut on command ends every connection`(reset: Bool) async throws {
        try await self.withEcho { proxy in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        try await RawConnection.with(port: proxy.port) { connection in
                            try await connection.write([1])
                            #expect(try await connection.next(1) == [1])
                            if reset {
                                await #expect(throws: IOError.self) { try await connection.rest() }
                            } else {
                                #expect(try await connection.rest() == [])
                            }
                        }
                    }
                }
                try await proxy.waitForBytes(3, .serverToClient)
                #expect(try await proxy.openConnectionCount == 3)
                try await proxy.cut(reset: reset)
                #expect(try await proxy.openConnectionCount == 0)
                try await group.waitForAll()
            }
        }
    }

    @Test func `refused connections are refused, and accepted again on the same port`() async throws {
        try await self.withEcho { proxy in
            try await proxy.refuseConnections()
            await #expect(throws: (any Error).self) { try await RawConnection.with(port: proxy.port) { _ in } }
            try await proxy.acceptConnections()
            try await RawConnection.with(port: proxy.port) { connection in
                try await connection.write([1])
                #expect(try await connection.next(1) == [1])
            }
            #expect(try await proxy.connectionCount == 1)
        }
    }

    @Test func `a black hole holds everything back and loses nothing`() async throws {
        try await self.withEcho { proxy in
            try await RawConnection.with(port: proxy.port) { connection in
                try await connection.write([1])
                #expect(try await connection.next(1) == [1])
                try await proxy.blackHole()
                try await connection.write([2, 3])
                // A new connection is accepted, so what was written before it had its chance to come through.
                try await RawConnection.with(port: proxy.port) { other in
                    try await other.write([9])
                    try await proxy.waitForConnections(2)
                }
                #expect(try await proxy.forwardedBytes(.clientToServer) == 1)
                #expect(try await proxy.openConnectionCount >= 1)
                try await proxy.forward()
                #expect(try await connection.next(2) == [2, 3])
            }
            try await proxy.waitUntilUnused()
            #expect(try await proxy.forwardedBytes(.clientToServer) == 4)
        }
    }

    @Test func `in a black hole the broker does not learn that the client has gone`() async throws {
        try await MosquittoServer.withServer { server in
            try await CuttingProxy.withProxy(to: server.port) { proxy in
                try await RawConnection.with(port: proxy.port) { connection in
                    try await connection.write(Packets.connect("ghost"))
                    #expect(try await connection.next(4) == Packets.accepted)
                    try await proxy.blackHole()
                }
                // A second client says hello directly, so the broker has been through its loop since.
                try await RawConnection.with(port: server.port) { connection in
                    try await connection.write(Packets.connect("witness"))
                    #expect(try await connection.next(4) == Packets.accepted)
                    try await connection.write(Packets.disconnect)
                    #expect(try await connection.rest() == [])
                }
                #expect(!server.log.contains("ghost closed") && !server.log.contains("ghost disconnected"))
                try await proxy.forward()
                try await proxy.waitUntilUnused()
            }
        }
    }

    @Test func `waiting for what does not come ends when it is cancelled`() async throws {
        try await self.withEcho { proxy in
            let waiting = Task { try await proxy.waitForCuts(1) }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
    }

    @Test func `without a server behind it a connection ends`() async throws {
        let taken = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(taken.localAddress?.port)
        try await taken.close()
        try await CuttingProxy.withProxy(to: port) { proxy in
            try await RawConnection.with(port: proxy.port) { connection in
                let rest = try? await connection.rest()
                #expect(rest ?? [] == [])
            }
            try await proxy.waitUntilUnused()
        }
    }
}
