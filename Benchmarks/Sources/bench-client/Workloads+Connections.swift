// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT
import NIOCore
import NIOPosix

extension Workloads {
    /// From the first dial to the last CONNACK.
    func connect() async throws {
        let base = Measurement.residentKilobytes()
        let measurement = Measurement()
        let clients = try await self.connectAll()
        let kilobytes = Double(Measurement.residentKilobytes() - base) / Double(clients.count)
        measurement.report(
            messages: clients.count,
            more: [("base_kb", Double(base)), ("ms", measurement.seconds * 1e3), ("kb_each", kilobytes)]
        )
        withExtendedLifetime(clients) {}
    }

    /// Connects `conns` clients on the process's event loops.
    ///
    /// `atonce` of them at a time, so that not all of them hold what connecting takes at the same time.
    func connectAll() async throws -> [MQTTClient<Version>] {
        let limit = self.arguments.number("atonce", 100)
        return try await withThrowingTaskGroup(of: MQTTClient<Version>.self) { group in
            var clients: [MQTTClient<Version>] = []
            clients.reserveCapacity(self.connections)
            for index in 0..<self.connections {
                if index >= limit, let client = try await group.next() { clients.append(client) }
                group.addTask {
                    let client = self.client(id: "bench-\(index)")
                    try await client.connect()
                    return client
                }
            }
            for try await client in group { clients.append(client) }
            return clients
        }
    }

    /// Each client has a subscription, and each takes n messages.
    func receiveFromMany() async throws {
        let clients = try await self.connectAll()
        let total = self.count * clients.count
        let tally = Tally(total)
        await withThrowingTaskGroup(of: Void.self) { group in
            for client in clients {
                group.addTask {
                    try await self.prefer(client) {
                        let messages = try await client.subscribe(to: "bench/#", qos: self.qos)
                        try await self.consume(messages, tally)
                    }
                }
            }
            await tally.wait().report(messages: total)
            group.cancelAll()
            while await group.nextResult() != nil {}
        }
        withExtendedLifetime(clients) {}
    }
}

/// What a connection costs at least: a channel of NIO that sends CONNECT and waits for CONNACK.
enum BareChannels {
    private final class Handshake: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let answered: EventLoopPromise<Void>

        init(_ answered: EventLoopPromise<Void>) { self.answered = answered }

        func channelActive(context: ChannelHandlerContext) {
            let connect: [UInt8] = [0x10, 13, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 1, 97]
            context.writeAndFlush(NIOAny(ByteBuffer(bytes: connect)), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { self.answered.succeed() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { self.answered.fail(error) }
    }

    static func connect(_ count: Int, port: Int) async throws {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: port)
        let base = Measurement.residentKilobytes()
        let measurement = Measurement()
        let futures = (0..<count).map { _ in
            let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
            let answered = eventLoop.makePromise(of: Void.self)
            return ClientBootstrap(group: eventLoop)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelOption(.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: 1_024))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Handshake(answered))
                    }
                }
                .connect(to: address)
                .flatMap { channel in answered.futureResult.map { channel } }
        }
        var channels: [any Channel] = []
        for future in futures { channels.append(try await future.get()) }
        measurement.report(messages: count, more: [("base_kb", Double(base)), ("ms", measurement.seconds * 1e3)])
        withExtendedLifetime(channels) {}
    }
}
