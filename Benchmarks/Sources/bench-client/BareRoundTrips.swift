// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// What a round trip costs at least: a channel of NIO that writes the next PUBLISH from its handler when an answer came.
enum BareRoundTrips {
    private final class PingPong: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let done: EventLoopPromise<[Int64]>
        private let message: ByteBuffer
        private var left: Int
        private var handshake = 9
        private var times: [Int64] = []
        private var start = ContinuousClock.now

        init(_ count: Int, size: Int, _ done: EventLoopPromise<[Int64]>) {
            self.done = done
            self.left = count
            self.times.reserveCapacity(count)
            var message = ByteBuffer(bytes: [0x30, UInt8(10 + size), 0, 8])
            message.writeString("bench/t0")
            message.writeRepeatingByte(UInt8(ascii: "x"), count: size)
            self.message = message
        }

        func channelActive(context: ChannelHandlerContext) {
            let connect: [UInt8] = [0x10, 13, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 1, 97]
            let subscribe: [UInt8] = [0x82, 16, 0, 1, 0, 11] + Array("bench/reply".utf8) + [0]
            context.writeAndFlush(NIOAny(ByteBuffer(bytes: connect + subscribe)), promise: nil)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            // CONNACK is four bytes and SUBACK five; everything behind them are answers.
            if self.handshake > 0 {
                self.handshake -= self.unwrapInboundIn(data).readableBytes
                guard self.handshake <= 0 else { return }
            } else {
                self.times.append(Int64((ContinuousClock.now - self.start) / .nanoseconds(1)))
                self.left -= 1
            }
            guard self.left > 0 else { return self.done.succeed(self.times) }
            self.start = ContinuousClock.now
            context.writeAndFlush(NIOAny(self.message), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { self.done.fail(error) }
    }

    static func run(_ count: Int, size: Int, port: Int) async throws {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let done = eventLoop.makePromise(of: [Int64].self)
        let measurement = Measurement()
        let channel = try await ClientBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(PingPong(count, size: min(size, 100), done))
                }
            }
            .connect(to: SocketAddress(ipAddress: "127.0.0.1", port: port)).get()
        let times = try await done.futureResult.get().sorted()
        measurement.report(
            messages: count,
            more: [
                ("p50_us", Double(times[times.count / 2]) / 1e3),
                ("p99_us", Double(times[times.count * 99 / 100]) / 1e3),
            ]
        )
        try await channel.close()
    }
}
