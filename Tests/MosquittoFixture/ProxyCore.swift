// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// What the proxy knows; it never leaves its event loop.
final class ProxyCore {
    /// How much is still forwarded in a direction before everything is cut.
    struct Fuse: Sendable {
        let length: Int
        let again: Bool
        let reset: Bool
        private(set) var left: Int

        init(length: Int, again: Bool, reset: Bool) {
            self.length = length
            self.again = again
            self.reset = reset
            self.left = length
        }

        mutating func burn(_ bytes: Int) {
            self.left -= bytes
        }
    }

    var fuses: [CuttingProxy.Direction: Fuse] = [:]
    private(set) var relays: [ObjectIdentifier: Relay] = [:]
    private(set) var accepted = 0
    private(set) var cuts = 0
    private(set) var forwarded: [CuttingProxy.Direction: Int] = [:]
    private(set) var isHolding = false

    private let loop: any EventLoop
    private let port: Int
    private let target: Int
    private var listener: (any Channel)?
    private var waiters: [(condition: @Sendable (ProxyCore) -> Bool, promise: EventLoopPromise<Void>)] = []

    var openClients: Int {
        self.relays.values.count { $0.client?.isActive == true }
    }

    init(loop: any EventLoop, port: Int, target: Int) {
        self.loop = loop
        self.port = port
        self.target = target
    }

    /// Listens; when the port is still in use, tries again for some seconds.
    ///
    /// A child that is being started has a copy of every socket for a moment, the listening one just closed among them.
    func listen(attempts: Int = 1_000) -> EventLoopFuture<Void> {
        guard self.listener == nil else { return self.loop.makeSucceededVoidFuture() }
        let core = NIOLoopBound(self, eventLoop: self.loop)
        return ServerBootstrap(group: self.loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { client in core.value.accept(client) }
            .bind(host: "127.0.0.1", port: self.port)
            .map { core.value.listener = $0 }
            .flatMapError { [loop] error in
                guard (error as? IOError)?.errnoCode == EADDRINUSE, attempts > 1 else {
                    return loop.makeFailedFuture(error)
                }
                return loop.flatScheduleTask(in: .milliseconds(5)) { core.value.listen(attempts: attempts - 1) }
                    .futureResult
            }
    }

    func stopListening() -> EventLoopFuture<Void> {
        guard let listener = self.listener else { return self.loop.makeSucceededVoidFuture() }
        self.listener = nil
        return listener.close()
    }

    private func accept(_ client: any Channel) -> EventLoopFuture<Void> {
        self.accepted += 1
        let relay = Relay(core: self)
        let bound = NIOLoopBound(relay, eventLoop: self.loop)
        self.relays[ObjectIdentifier(relay)] = relay
        self.changed()
        return client.eventLoop.makeCompletedFuture {
            try bound.value.add(client, reading: .clientToServer)
        }.flatMap { [loop, target] in
            ClientBootstrap(group: loop)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer { server in
                    server.eventLoop.makeCompletedFuture { try bound.value.add(server, reading: .serverToClient) }
                }
                .connect(host: "127.0.0.1", port: target)
        }.map { _ in }
    }

    /// Forwards what a relay has read, or as much of it as is left before the cut.
    func forward(_ buffer: ByteBuffer, _ direction: CuttingProxy.Direction, to channel: any Channel) {
        guard var fuse = self.fuses[direction], buffer.readableBytes >= fuse.left else {
            self.fuses[direction]?.burn(buffer.readableBytes)
            self.write(buffer, direction, to: channel)
            return
        }
        self.write(buffer.getSlice(at: buffer.readerIndex, length: fuse.left) ?? ByteBuffer(), direction, to: channel)
        fuse = Fuse(length: fuse.length, again: fuse.again, reset: fuse.reset)
        self.fuses[direction] = fuse.again ? fuse : nil
        self.cuts += 1
        self.cutAll(reset: fuse.reset)
        self.changed()
    }

    func cutAll(reset: Bool) {
        for relay in self.relays.values { relay.cut(reset: reset) }
    }

    func setHolding(_ holding: Bool) {
        self.isHolding = holding
        guard !holding else { return }
        for relay in self.relays.values { relay.resume() }
    }

    func remove(_ relay: Relay) {
        self.relays[ObjectIdentifier(relay)] = nil
        self.changed()
    }

    func wait(until condition: @escaping @Sendable (ProxyCore) -> Bool, _ promise: EventLoopPromise<Void>) {
        guard !condition(self) else { return promise.succeed() }
        self.waiters.append((condition, promise))
    }

    private func write(_ buffer: ByteBuffer, _ direction: CuttingProxy.Direction, to channel: any Channel) {
        channel.writeAndFlush(buffer, promise: nil)
        self.forwarded[direction, default: 0] += buffer.readableBytes
        self.changed()
    }

    private func changed() {
        self.waiters.removeAll { waiter in
            guard waiter.condition(self) else { return false }
            waiter.promise.succeed()
            return true
        }
    }
}
