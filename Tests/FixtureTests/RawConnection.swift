// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import NIOSSL

/// A connection that knows nothing of MQTT: bytes out, bytes in.
struct RawConnection: Sendable {
    private let channel: any Channel
    private let inbox: NIOLoopBound<Inbox>

    /// Connects to a port or a Unix socket, gives the connection to `body` and closes it.
    static func with<Result>(
        port: Int = 0,
        path: String? = nil,
        tls: TLSConfiguration? = nil,
        _ body: (RawConnection) async throws -> Result
    ) async throws -> Result {
        let context = try tls.map { try NIOSSLContext(configuration: $0) }
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let inbox = try await loop.submit { NIOLoopBound(Inbox(), eventLoop: loop) }.get()
        let bootstrap = ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        let handler = try NIOSSLClientHandler(context: context, serverHostname: "localhost")
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.addHandler(inbox.value)
                }
            }
        let connected =
            path.map { bootstrap.connect(unixDomainSocketPath: $0) } ?? bootstrap.connect(host: "127.0.0.1", port: port)
        let channel = try await connected.get()
        let connection = RawConnection(channel: channel, inbox: inbox)
        do {
            let result = try await body(connection)
            try? await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    func write(_ bytes: [UInt8]) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    /// The next bytes, fewer only when the connection ends before.
    func next(_ count: Int) async throws -> [UInt8] {
        try await withTaskCancellationHandler {
            try await self.channel.eventLoop.flatSubmit { [channel, inbox] in
                let promise = channel.eventLoop.makePromise(of: [UInt8].self)
                inbox.value.wait(for: count, promise)
                return promise.futureResult
            }.get()
        } onCancel: {
            // The time limit of a test has to get through.
            self.channel.close(promise: nil)
        }
    }

    /// All that comes until the connection ends.
    func rest() async throws -> [UInt8] {
        try await self.next(.max)
    }

    /// Keeps what arrives until somebody asks for it; one at a time may.
    private final class Inbox: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private var buffer = ByteBuffer()
        private var waiter: (count: Int, promise: EventLoopPromise<[UInt8]>)?
        private var ended: Result<Void, any Error>?

        func wait(for count: Int, _ promise: EventLoopPromise<[UInt8]>) {
            self.waiter = (count, promise)
            self.settle()
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.buffer.writeImmutableBuffer(self.unwrapInboundIn(data))
            self.settle()
        }

        func channelInactive(context: ChannelHandlerContext) {
            if self.ended == nil { self.ended = .success(()) }
            self.settle()
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.ended = .failure(error)
            self.settle()
            context.close(promise: nil)
        }

        private func settle() {
            guard let (count, promise) = self.waiter else { return }
            guard self.ended != nil || self.buffer.readableBytes >= count else { return }
            self.waiter = nil
            if case .failure(let error) = self.ended, self.buffer.readableBytes == 0 { return promise.fail(error) }
            promise.succeed(self.buffer.readBytes(length: min(count, self.buffer.readableBytes)) ?? [])
        }
    }
}

/// The few packets of MQTT 3.1.1 the tests of the fixture speak.
enum Packets {
    static let pingRequest: [UInt8] = [0xC0, 0]
    static let pingResponse: [UInt8] = [0xD0, 0]
    static let disconnect: [UInt8] = [0xE0, 0]
    static let accepted: [UInt8] = [0x20, 2, 0, 0]
    static let acceptedWithSession: [UInt8] = [0x20, 2, 1, 0]
    static let notAuthorized: [UInt8] = [0x20, 2, 0, 5]

    /// CONNECT; with a password the client's name is the user's too.
    static func connect(_ name: String, cleanSession: Bool = true, password: String? = nil) -> [UInt8] {
        let flags: UInt8 = (cleanSession ? 2 : 0) | (password == nil ? 0 : 0xC0)
        var body: [UInt8] = [0, 4] + Array("MQTT".utf8) + [4, flags, 0, 60]
        for string in [name] + (password.map { [name, $0] } ?? []) {
            body += [0, UInt8(string.utf8.count)] + Array(string.utf8)
        }
        return [0x10, UInt8(body.count)] + body
    }
}
