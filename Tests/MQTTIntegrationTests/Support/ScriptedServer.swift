// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// A server whose every answer a test writes down byte for byte.
struct ScriptedServer {
    typealias Stream = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// One connection: takes whole packets, sends any bytes.
    final class Connection {
        private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        private var buffer = ByteBuffer()

        init(
            _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
            _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
        ) {
            self.inbound = inbound.makeAsyncIterator()
            self.outbound = outbound
        }

        func write(_ bytes: [UInt8]) async throws { try await self.outbound.write(ByteBuffer(bytes: bytes)) }

        /// The next whole packet; empty when the client has closed.
        func packet() async throws -> [UInt8] {
            while true {
                if let size = self.packetSize, let bytes = self.buffer.readBytes(length: size) { return bytes }
                guard var more = try await self.inbound.next(isolation: #isolation) else { return [] }
                self.buffer.writeBuffer(&more)
            }
        }

        /// The next whole packet of a type, skipping others; empty when the client has closed.
        func packet(ofType type: UInt8) async throws -> [UInt8] {
            while true {
                let packet = try await self.packet()
                guard let first = packet.first, first >> 4 != type else { return packet }
            }
        }

        /// Everything until the client closes.
        func rest() async throws -> [UInt8] {
            // A reset is a way to close, too.
            while var more = try? await self.inbound.next(isolation: #isolation) { self.buffer.writeBuffer(&more) }
            return self.buffer.readBytes(length: self.buffer.readableBytes) ?? []
        }

        private var packetSize: Int? {
            let view = self.buffer.readableBytesView.dropFirst()
            var length = 0
            for (index, byte) in view.prefix(4).enumerated() {
                length |= Int(byte & 0x7F) << (7 * index)
                if byte & 0x80 == 0 { return 2 + index + length }
            }
            return nil
        }
    }

    /// Listens on a free port and runs `script` for each connection, which it closes at the end; numbers them from 0.
    static func with<Result>(
        _ script: @escaping @Sendable (Connection, Int) async throws -> Void,
        _ body: (Int) async throws -> Result
    ) async throws -> Result {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture { try Stream(wrappingChannelSynchronously: channel) }
            }
        let port = listener.channel.localAddress?.port ?? 0
        let serving = Task {
            try await withThrowingDiscardingTaskGroup { group in
                try await listener.executeThenClose { connections in
                    var number = 0
                    for try await connection in connections {
                        let this = number
                        number += 1
                        group.addTask {
                            try? await connection.executeThenClose { inbound, outbound in
                                try await script(Connection(inbound, outbound), this)
                            }
                        }
                    }
                }
            }
        }
        defer { serving.cancel() }
        return try await body(port)
    }
}

/// Packets a scripted server sends.
enum Bytes {
    static let connAck3: [UInt8] = [0x20, 2, 0, 0]
    static let connAck5: [UInt8] = [0x20, 3, 0, 0, 0]
    static let pingResponse: [UInt8] = [0xD0, 0]

    /// A PUBLISH of 5.0 without properties.
    static func publish5(_ topic: String, qos: UInt8, id: UInt8, payload: [UInt8] = []) -> [UInt8] {
        var rest: [UInt8] = [0, UInt8(truncatingIfNeeded: topic.utf8.count)] + Array(topic.utf8)
        if qos > 0 { rest += [0, id] }
        rest += [0] + payload
        return [0x30 | qos << 1, UInt8(truncatingIfNeeded: rest.count)] + rest
    }
}
