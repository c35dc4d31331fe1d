// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Conformance
import MQTTTransport
import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(10))) struct DialerTests {
    @Test(
        .sends("5:MQTT-4.2-1", "3.1.1:MQTT-7.1.2-1"),
        .receives("5:MQTT-4.2-1"),
        arguments: ["127.0.0.1", "localhost"]
    )
    func `bytes travel both ways over TCP`(host: String) async throws {
        try await TestServer.with { server in
            let dialed = try await Dialed.connect(to: .tcp(host, port: server.port))
            try await dialed.send("over the road")
            #expect(try await dialed.receive(13) == "over the road")
            try await dialed.channel.close()
        }
    }

    @Test func `the first bytes of a server that speaks first are not lost`() async throws {
        try await TestServer.with(.greet) { server in
            for _ in 0..<50 {
                let dialed = try await Dialed.connect(to: .tcp("127.0.0.1", port: server.port))
                #expect(try await dialed.receive(5) == "hello")
                try await dialed.channel.close()
            }
        }
    }

    @Test func `read buffers are there for bytes that come as the socket read them, and for no others`() async throws {
        let certificates = try TestCertificates.shared.get()
        let (stream, _) = InMemoryByteStream.pair()
        try await TestServer.with(tls: try TestServer.tls()) { secure in
            try await TestServer.with { plain in
                try await WebSocketServer.with { server in
                    let settings = TLSSettings(trust: .file(certificates.path("ca.pem")))
                    let endpoints: [(Endpoint, Bool)] = [
                        (.tcp("127.0.0.1", port: plain.port), true),
                        (.tls("localhost", port: secure.port, settings), false),
                        (.webSocket("127.0.0.1", port: server.port), false), (.custom { stream }, false),
                    ]
                    for (endpoint, isAsRead) in endpoints {
                        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
                        let channel = try await Dialer().dial(endpoint, on: eventLoop, timeout: .seconds(30)) {
                            #expect(($1 != nil) == isAsRead, "\($0): \(endpoint)")
                        }.get()
                        try await eventLoop.submit { ChannelStages.abandon(channel) }.get()
                    }
                }
            }
        }
    }

    @Test func `the channel belongs to the event loop asked for and sends without delay`() async throws {
        try await TestServer.with { server in
            let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
            let channel = try await Dialer().dial(
                .tcp("127.0.0.1", port: server.port),
                on: eventLoop,
                timeout: .seconds(30)
            ) { channel, _ in
                channel.eventLoop.assertInEventLoop()
                #expect(channel.isActive)
            }.get()
            #expect(channel.eventLoop === eventLoop)
            #expect(try await channel.getOption(.tcpOption(.tcp_nodelay)).get() != 0)
            #expect(try await channel.getOption(.autoRead).get())
            try await channel.close()
        }
    }

    @Test func `an error of the caller's handlers closes the channel and is the cause`() async throws {
        struct NotToday: Error {}
        try await TestServer.with { server in
            let (channels, continuation) = AsyncStream<any Channel>.makeStream()
            let error = await #expect(throws: TransportError.self) {
                _ = try await Dialer().dial(
                    .tcp("127.0.0.1", port: server.port),
                    on: MultiThreadedEventLoopGroup.singleton.next(),
                    timeout: .seconds(30)
                ) { channel, _ in
                    continuation.yield(channel)
                    throw NotToday()
                }.get()
            }
            #expect(error?.code == .other)
            #expect(error?.cause is NotToday)
            var iterator = channels.makeAsyncIterator()
            let channel = try #require(await iterator.next())
            try await channel.closeFuture.get()
        }
    }

    @Test(arguments: [TimeAmount.zero, .nanoseconds(-1)])
    func `a timeout ends the attempt wherever it is, and says where`(timeout: TimeAmount) async throws {
        try await TestServer.with { server in
            let plain = try await Dialed.failure(to: .tcp("127.0.0.1", port: server.port), timeout: timeout)
            #expect(plain?.code == .connectTimedOut)
            #expect(plain?.stage == .connecting)
            #expect(plain?.message.contains("not done with: connection") == true)
            let tls = try await Dialed.failure(to: .tls("127.0.0.1", port: server.port), timeout: timeout)
            #expect(tls?.code == .connectTimedOut)
            #expect(tls?.stage == .preparing)
            #expect(tls?.message.contains("not done with: preparation") == true)
        }
    }

    @Test(arguments: ["127.0.0.1", "localhost"])
    func `a port nobody listens on refuses the connection`(host: String) async throws {
        let port = try await TestServer.with { $0.port }
        let error = try #require(try await Dialed.failure(to: .tcp(host, port: port)))
        #expect(error.code == .connectionRefused)
        #expect(error.message.contains("mqtt://\(host):\(port)"))
    }

    @Test func `a name that does not exist is a failed name lookup`() async throws {
        let error = try #require(try await Dialed.failure(to: .tcp("name.invalid")))
        #expect(error.code == .nameResolutionFailed)
        #expect(error.message.contains("\"name.invalid\""))
    }

    @Test(arguments: [
        Endpoint.tcp("", port: 1), .tcp("localhost", port: 0), .tcp("localhost", port: 65_536),
        .tcp("localhost", port: -1), .tcp("local host"), .tcp("local\u{0}host"), .tls("", port: 1),
        .tcp(String(repeating: "a", count: 256)),
    ])
    func `an impossible endpoint is refused before anything is sent`(endpoint: Endpoint) async throws {
        let error = try #require(try await Dialed.failure(to: endpoint))
        #expect(error.code == .invalidEndpoint)
    }

    @Test func `an event loop that has no sockets is an error`() async throws {
        let eventLoop = NIOAsyncTestingEventLoop()
        let error = await #expect(throws: TransportError.self) {
            let future = Dialer().dial(.tcp("127.0.0.1"), on: eventLoop, timeout: .seconds(30)) { _, _ in }
            await eventLoop.run()
            _ = try await future.get()
        }
        #expect(error?.code == .other)
        await eventLoop.shutdownGracefully()
    }
}
