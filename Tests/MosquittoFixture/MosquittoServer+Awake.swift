// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

extension MosquittoServer {
    /// Runs `body` while a plain client pings the broker every millisecond, so that large messages over WebSocket are quick.
    ///
    /// Mosquitto 2.0.11 takes 4 KiB from a WebSocket and then sleeps for 100 ms, or until something happens on a plain
    /// connection: a message of 1 MiB takes 26 s without this. Not for a broker that wants users.
    package func keptAwake<Result>(
        isolation: isolated (any Actor)? = #isolation,
        _ body: () async throws -> Result
    ) async throws -> Result {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Pinger()) }
            }
            .connect(host: self.host, port: self.port)
            .get()
        do {
            let result = try await body()
            try? await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }
}

/// Answers whatever it gets with a PINGREQ, a moment later.
private final class Pinger: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// CONNECT of MQTT 3.1.1 with a clean session, without a client identifier.
    private static let connect: [UInt8] = [0x10, 12, 0, 4, 0x4D, 0x51, 0x54, 0x54, 4, 2, 0, 0, 0, 0]
    private static let pingRequest: [UInt8] = [0xC0, 0]

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(bytes: Self.connect)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let channel = context.channel
        context.eventLoop.scheduleTask(in: .milliseconds(1)) {
            channel.writeAndFlush(ByteBuffer(bytes: Self.pingRequest), promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
