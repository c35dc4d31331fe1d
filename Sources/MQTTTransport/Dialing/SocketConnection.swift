// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix

/// Makes the connection itself: TCP, of all addresses of a host the first that answers, or a Unix socket.
struct SocketConnection {
    let options: SocketOptions
    /// Those of a socket whose bytes go to the caller as they were read.
    let buffers: ReadBuffers?
    let timeout: TimeAmount
    let eventLoop: any EventLoop
    /// Asks for the addresses of a host.
    let ask: HostLookup.Ask

    /// How many reads are made before other connections of the event loop have their turn.
    private static let readsPerTurn: UInt = 4

    /// Connects to a host; `found` is called on the event loop when its addresses are there.
    func connect(
        to target: HostAndPort,
        found: @escaping @Sendable () -> Void
    ) throws -> EventLoopFuture<any Channel> {
        var bootstrap = try self.bootstrap(isTCP: true)
        let address = target.address
        if let local = try self.options.localAddress(for: address) {
            // A connection that was closed here keeps its port in a wait; the next one would not get it.
            bootstrap = bootstrap.channelOption(.socketOption(.so_reuseaddr), value: 1).bind(to: local)
        }
        if let address { return bootstrap.connect(to: address) }
        let lookup = HostLookup(self.options.usableFamily, on: self.eventLoop, ask: self.ask, found: found)
        return bootstrap.resolver(lookup).connect(host: target.host, port: target.port)
    }

    /// Connects to a Unix socket.
    func connect(toPath path: String) throws -> EventLoopFuture<any Channel> {
        try self.bootstrap(isTCP: false).connect(to: SocketAddress(unixDomainSocketPath: path))
    }

    private func bootstrap(isTCP: Bool) throws -> ClientBootstrap {
        guard let bootstrap = ClientBootstrap(validatingGroup: self.eventLoop) else {
            throw TransportError(.other, "The event loop cannot make sockets; use one of NIOPosix.")
        }
        // The bootstrap's own options make a future each; these are set at once. It sets TCP_NODELAY by itself.
        let buffers: any RecvByteBufferAllocator = self.buffers ?? LoadSizedReads()
        let own = self.options
        return bootstrap.connectTimeout(self.timeout).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                guard let options = channel.syncOptions else {
                    throw TransportError(.other, "The event loop's channels have no options.")
                }
                try options.setOption(.recvAllocator, value: buffers)
                try options.setOption(.maxMessagesPerRead, value: Self.readsPerTurn)
                // Not a byte is read before there is somebody to take it.
                try options.setOption(.autoRead, value: false)
                try own.apply(to: options, isTCP: isTCP)
            }
        }
    }
}

extension HostAndPort {
    /// The address, where the host is one: it is connected to without looking it up.
    var address: SocketAddress? {
        let mayBeAddress = self.host.utf8.allSatisfy { byte in
            byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":") || UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
                || UInt8(ascii: "a")...UInt8(ascii: "f") ~= byte || UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte
        }
        return mayBeAddress ? try? SocketAddress(ipAddress: self.host, port: self.port) : nil
    }

    var isIPAddress: Bool { self.address != nil }
}

extension Endpoint {
    var isIPAddress: Bool { HostAndPort(host: self.host, port: self.port).isIPAddress }

    var isStream: Bool { if case .stream = self.target { true } else { false } }
}
