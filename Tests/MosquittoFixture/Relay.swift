// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// One connection through the proxy: the client's half and the server's.
final class Relay {
    let core: ProxyCore
    private(set) var client: (any Channel)?
    private(set) var server: (any Channel)?
    private var handlers: [CuttingProxy.Direction: RelayHandler] = [:]
    /// The halves that have closed, by the direction they were read in.
    private var closed: Set<CuttingProxy.Direction> = []

    init(core: ProxyCore) {
        self.core = core
    }

    /// Takes a half in, which is read in `direction`, with the handler that reads it.
    func add(_ channel: any Channel, reading direction: CuttingProxy.Direction) throws {
        let handler = RelayHandler(self, direction)
        self.handlers[direction] = handler
        switch direction {
        case .clientToServer: self.client = channel
        case .serverToClient: self.server = channel
        }
        let relay = NIOLoopBound(self, eventLoop: channel.eventLoop)
        channel.closeFuture.whenComplete { _ in
            relay.value.closed.insert(direction)
            relay.value.settle()
        }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// Where what was read in a direction goes, once it is connected.
    func destination(_ direction: CuttingProxy.Direction) -> (any Channel)? {
        let channel =
            switch direction {
            case .clientToServer: self.server
            case .serverToClient: self.client
            }
        return channel.flatMap { $0.isActive ? $0 : nil }
    }

    /// The channel on the other side of the one read in `direction` takes bytes again.
    func resumeOther(than direction: CuttingProxy.Direction) {
        self.handlers[direction == .clientToServer ? .serverToClient : .clientToServer]?.resume()
    }

    /// The black hole has ended: everything that waited goes on, a half that closed meanwhile included.
    func resume() {
        for handler in self.handlers.values { handler.resume() }
        self.settle()
    }

    /// Closes both halves at once; what has been written is still delivered, unless `reset`.
    func cut(reset: Bool) {
        for channel in [self.client, self.server] {
            guard let channel else { continue }
            if reset, let options = channel as? any SocketOptionProvider {
                options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenFailure { _ in }
            }
            channel.close(promise: nil)
        }
    }

    /// When one half has closed the other does too, behind the last byte; in a black hole it does not hear of it.
    func settle() {
        let isClientGone = self.client == nil || self.closed.contains(.clientToServer)
        let isServerGone = self.server == nil || self.closed.contains(.serverToClient)
        if isClientGone, isServerGone {
            self.handlers = [:]
            self.core.remove(self)
        } else if !self.core.isHolding, isClientGone || isServerGone {
            self.finish(isClientGone ? self.server : self.client)
        }
    }

    private func finish(_ channel: (any Channel)?) {
        channel?.writeAndFlush(ByteBuffer()).whenComplete { _ in channel?.close(promise: nil) }
    }
}
