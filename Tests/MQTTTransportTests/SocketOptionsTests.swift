// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import Testing

@testable import MQTTTransport

/// Where a socket begins and how it behaves.
@Suite(.timeLimit(.minutes(10))) struct SocketOptionsTests {
    private static func endpoint(
        _ server: TestServer,
        host: String = "127.0.0.1",
        _ change: (inout SocketOptions) -> Void
    ) -> Endpoint {
        var endpoint = Endpoint.tcp(host, port: server.port)
        change(&endpoint.socketOptions)
        return endpoint
    }

    @Test(arguments: ["127.0.0.1", "localhost"])
    func `the peer sees the address and port that were bound, again and again`(host: String) async throws {
        // One that was free a moment ago.
        let port = try await TestServer.with { $0.port }
        try await TestServer.with { server in
            var connections = server.connections.makeAsyncIterator()
            let endpoint = Self.endpoint(server, host: host) {
                $0.bindAddress = "127.0.0.2"
                $0.bindPort = port
            }
            // This side closes first, which is what leaves the port in a wait.
            for _ in 0..<3 {
                let dialed = try await Dialed.connect(to: endpoint)
                let seen = try #require(await connections.next())
                #expect(seen.remoteAddress?.ipAddress == "127.0.0.2")
                #expect(seen.remoteAddress?.port == port)
                try await dialed.send("x")
                #expect(try await dialed.receive(1) == "x")
                try await dialed.channel.close()
                try await seen.closeFuture.get()
            }
        }
    }

    @Test func `a port alone is bound, too`() async throws {
        let port = try await TestServer.with { $0.port }
        try await TestServer.with { server in
            let dialed = try await Dialed.connect(to: Self.endpoint(server) { $0.bindPort = port })
            #expect(dialed.channel.localAddress?.port == port)
            try await dialed.channel.close()
        }
    }

    @Test func `an address that is not of this machine, or of another family, is no way`() async throws {
        try await TestServer.with { server in
            let foreign = try #require(
                try await Dialed.failure(to: Self.endpoint(server) { $0.bindAddress = "192.0.2.1" })
            )
            #expect(foreign.code == .unreachable)
            let other = try #require(try await Dialed.failure(to: Self.endpoint(server) { $0.bindAddress = "::1" }))
            #expect(other.code == .unreachable || other.code == .other, "\(other)")
        }
    }

    @Test func `all options are set on the socket`() async throws {
        try await TestServer.with { server in
            let dialed = try await Dialed.connect(
                to: Self.endpoint(server) {
                    $0.noDelay = false
                    $0.keepAlive = .init(idle: .seconds(77), interval: .seconds(7), count: 5)
                    $0.sendBufferSize = 40_000
                    $0.receiveBufferSize = 50_000
                }
            )
            let channel = dialed.channel
            #expect(try await channel.getOption(.tcpOption(.tcp_nodelay)).get() == 0)
            #expect(try await channel.getOption(.socketOption(.so_keepalive)).get() != 0)
            // Linux doubles them for its own use.
            let sendBuffer = try await channel.getOption(.socketOption(.so_sndbuf)).get()
            #expect([40_000, 80_000].contains(sendBuffer))
            let receiveBuffer = try await channel.getOption(.socketOption(.so_rcvbuf)).get()
            #expect([50_000, 100_000].contains(receiveBuffer))
            #if os(Linux)
            for (name, value) in [(TCP_KEEPIDLE, 77), (TCP_KEEPINTVL, 7), (TCP_KEEPCNT, 5)] {
                let option = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: name))
                #expect(try await channel.getOption(option).get() == .init(value))
            }
            #endif
            try await channel.close()
        }
    }

    @Test func `without options the socket is as the system makes it, but sends without delay`() async throws {
        try await TestServer.with { server in
            let channel = try await Dialed.connect(to: Self.endpoint(server) { _ in }).channel
            #expect(try await channel.getOption(.tcpOption(.tcp_nodelay)).get() != 0)
            #expect(try await channel.getOption(.socketOption(.so_keepalive)).get() == 0)
            try await channel.close()
        }
    }

    @Test(
        arguments: [
            (SocketOptions(bindAddress: "localhost"), "bindAddress"), (SocketOptions(bindAddress: ""), "bindAddress"),
            (SocketOptions(bindPort: -1), "bindPort"), (SocketOptions(bindPort: 65_536), "bindPort"),
            (SocketOptions(sendBufferSize: 0), "buffers"), (SocketOptions(receiveBufferSize: .max), "buffers"),
            (SocketOptions(keepAlive: .init(idle: .zero)), "keep-alive"),
            (SocketOptions(keepAlive: .init(interval: .seconds(1 << 40))), "keep-alive"),
            (SocketOptions(keepAlive: .init(count: 0)), "keep-alive"),
            (SocketOptions(keepAlive: .init(count: 128)), "keep-alive"),
        ]
    )
    func `what no socket can do is refused before anything is sent`(options: SocketOptions, what: String) async throws {
        var endpoint = Endpoint.tcp("127.0.0.1")
        endpoint.socketOptions = options
        let error = try #require(try await Dialed.failure(to: endpoint))
        #expect(error.code == .invalidEndpoint)
        #expect(error.message.contains(what))
    }
}
