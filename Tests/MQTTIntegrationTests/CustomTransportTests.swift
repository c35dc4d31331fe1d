// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import MosquittoFixture
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Whole clients over connections of the tests' own code, with a real broker behind them.
@Suite(.timeLimit(.minutes(10))) struct CustomTransportTests {
    @Test func `a client goes through a connection of the user's own, opened anew when it is lost`() async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let tunnels = Mutex<[Tunnel]>([])
            let open: @Sendable () async throws -> Tunnel = {
                let tunnel = try await Tunnel.open(to: server.port)
                tunnels.withLock { $0.append(tunnel) }
                return tunnel
            }
            let client = MQTT311Client(to: .custom("tunnel") { try await open() })
            var events = client.events.makeAsyncIterator()
            try await client.connect()
            try await wait(for: "connected", in: &events) { $0.isConnected }
            try await client.ping()
            await tunnels.withLock { $0[0] }.stream.close()
            try await wait(for: "connected again", in: &events) { $0.isConnected }
            try await client.ping()
            #expect(tunnels.withLock { $0.count } == 2)
            await client.disconnect()
        }
    }

    @Test(arguments: [false, true])
    func `a large message goes there and back, with TLS and without`(withTLS: Bool) async throws {
        try await withDeadline {
            let server = try await SharedBroker.server
            let port = withTLS ? server.tlsPort : server.port
            let tls = withTLS ? TLSSettings(trust: .file(server.caFile)) : nil
            let topic = unique("tunnel")
            let payload = [UInt8](repeating: 7, count: 1 << 20)
            let endpoint = Endpoint.custom(tls: tls) { try await Tunnel.open(to: port) }
            try await MQTT5Client.withClient(to: endpoint) { client in
                try await client.subscribe(to: topic, qos: .atLeastOnce) { messages in
                    try await client.publish(payload, to: topic, qos: .atLeastOnce)
                    for try await message in messages {
                        #expect(message.payload == ByteBuffer(bytes: payload))
                        break
                    }
                }
            }
        }
    }

    @Test func `a connection that cannot be opened is the cause of the error`() async throws {
        try await withDeadline {
            struct NoTunnel: Error {}
            let client = MQTT5Client(to: .custom("tunnel") { throw NoTunnel() })
            let error = try await failure(.transportFailed) { try await client.connect() }
            let cause = try #require(error.cause as? TransportError)
            #expect(cause.cause is NoTunnel)
            #expect(cause.message.contains("\"tunnel\""))
        }
    }
}

/// Carries bytes to a port of this machine, through a pair in memory.
private struct Tunnel: ByteStream {
    let stream: InMemoryByteStream

    static func open(to port: Int) async throws -> Tunnel {
        let socket = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let (near, far) = InMemoryByteStream.pair()
        Task {
            try await socket.executeThenClose { inbound, outbound in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        while let bytes = try await far.read() { try await outbound.write(bytes) }
                    }
                    group.addTask {
                        for try await bytes in inbound { try await far.write(bytes) }
                    }
                    // When one way ends, so does the other.
                    try await group.next()
                    group.cancelAll()
                }
            }
            await far.close()
        }
        return Tunnel(stream: near)
    }

    func read() async throws -> ByteBuffer? { try await self.stream.read() }

    func write(_ bytes: ByteBuffer) async throws { try await self.stream.write(bytes) }

    func close() async { await self.stream.close() }
}
