// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix
import Synchronization

/// A name server on the loopback interface, by UDP and TCP on one port, that says what a test wants it to.
///
/// ```swift
/// try await DNSServer.with(["_mqtt._tcp.example.test": .services([.init(port: 1883, target: "localhost")])]) { dns in
///     // ask 127.0.0.1, port dns.port
/// }
/// ```
package final class DNSServer: Sendable {
    /// A server of a service.
    package struct Service: Sendable {
        package var priority: UInt16
        package var weight: UInt16
        package var port: UInt16
        package var target: String

        package init(priority: UInt16 = 0, weight: UInt16 = 0, port: UInt16, target: String) {
            self.priority = priority
            self.weight = weight
            self.port = port
            self.target = target
        }
    }

    /// What is said about a name.
    package enum Answer: Sendable {
        /// SRV records.
        case services([Service])
        /// An alias, and the SRV records of the name it stands for.
        case alias(String, [Service])
        /// A response code and nothing else; 3 is "no such name".
        case code(UInt8)
        /// Nothing at all.
        case silence
        /// A few bytes that are no message.
        case garbage
        /// The answer, with the number of another question.
        indirect case misnumbered(Answer)
        /// The answer to another question.
        indirect case misdirected(Answer)
        /// By UDP cut off before the first record, by TCP the answer.
        indirect case long(Answer)
        /// The records as bytes, so many of them.
        case raw([UInt8], records: UInt16)
    }

    /// A question that came, and how.
    package struct Question: Sendable, Equatable {
        package var name: String
        package var isByTCP: Bool

        package init(_ name: String, isByTCP: Bool = false) {
            self.name = name
            self.isByTCP = isByTCP
        }
    }

    private struct State {
        var answers: [String: Answer]
        var questions: [Question] = []
    }

    /// By UDP and TCP.
    package let port: Int
    private let state: Mutex<State>

    /// The questions so far, in order.
    package var questions: [Question] { self.state.withLock { $0.questions } }

    private init(port: Int, answers: [String: Answer]) {
        self.port = port
        self.state = Mutex(State(answers: answers))
    }

    /// Says something else about a name from now on.
    package func set(_ name: String, to answer: Answer) { self.state.withLock { $0.answers[name] = answer } }

    /// Starts a server, runs `body` and ends the server.
    package static func with<Result>(
        _ answers: [String: Answer],
        host: String = "127.0.0.1",
        isolation: isolated (any Actor)? = #isolation,
        _ body: (DNSServer) async throws -> Result
    ) async throws -> Result {
        let (server, channels) = try await Self.start(answers, on: host)
        do {
            let result = try await body(server)
            for channel in channels { try await channel.close() }
            return result
        } catch {
            for channel in channels { try? await channel.close() }
            throw error
        }
    }

    private static func start(_ answers: [String: Answer], on host: String) async throws -> (DNSServer, [any Channel]) {
        var last: (any Error)?
        for _ in 0..<20 {
            let server = DNSServer(port: try await FreePort.find(), answers: answers)
            do {
                let udp = try await DatagramBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(DatagramHandler(server))
                        }
                    }
                    .bind(host: host, port: server.port).get()
                do {
                    let tcp = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                        .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                        .childChannelInitializer { channel in
                            channel.eventLoop.makeCompletedFuture {
                                try channel.pipeline.syncOperations.addHandler(StreamHandler(server))
                            }
                        }
                        .bind(host: host, port: server.port).get()
                    return (server, [udp, tcp])
                } catch {
                    try? await udp.close()
                    throw error
                }
            } catch {
                last = error
            }
        }
        throw last ?? FixtureError("the name server does not start")
    }

    /// The message to send for one that came; nil for silence.
    fileprivate func reply(to query: [UInt8], isByTCP: Bool) -> [UInt8]? {
        guard query.count > 12, let name = DNSMessage.name(in: query) else { return nil }
        let answer = self.state.withLock { state in
            state.questions.append(Question(name, isByTCP: isByTCP))
            return state.answers[name] ?? .code(3)
        }
        return DNSMessage.reply(answer, to: query, isByTCP: isByTCP)
    }
}

private final class DatagramHandler: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let server: DNSServer

    init(_ server: DNSServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = self.unwrapInboundIn(data)
        guard let reply = self.server.reply(to: Array(envelope.data.readableBytesView), isByTCP: false) else { return }
        let answer = AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: reply))
        context.writeAndFlush(self.wrapOutboundOut(answer), promise: nil)
    }
}

private final class StreamHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: DNSServer
    private var received = ByteBuffer()

    init(_ server: DNSServer) { self.server = server }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.received.writeImmutableBuffer(self.unwrapInboundIn(data))
        while var query = self.received.readLengthPrefixedSlice(as: UInt16.self) {
            let bytes = query.readBytes(length: query.readableBytes) ?? []
            guard let reply = self.server.reply(to: bytes, isByTCP: true) else { continue }
            var buffer = ByteBuffer(integer: UInt16(truncatingIfNeeded: reply.count))
            buffer.writeBytes(reply)
            context.writeAndFlush(self.wrapOutboundOut(buffer), promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
