// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOPosix

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

extension SocketOptions {
    /// Where to connect from; nil lets the system choose.
    ///
    /// A socket bound to an address of one family cannot connect to one of the other: with a port alone, names are looked up
    /// for IPv4, unless only IPv6 is wanted.
    func localAddress(for target: SocketAddress?) throws -> SocketAddress? {
        if let bindAddress { return try SocketAddress(ipAddress: bindAddress, port: self.bindPort) }
        guard self.bindPort != 0 else { return nil }
        let isIPv6 = if case .v6 = target { true } else { target == nil && self.addressFamily == .onlyIPv6 }
        return try SocketAddress(ipAddress: isIPv6 ? "::" : "0.0.0.0", port: self.bindPort)
    }

    /// The families that go with the address to connect from.
    var usableFamily: AddressFamily {
        switch try? self.localAddress(for: nil) {
        case .v4: .onlyIPv4
        case .v6: .onlyIPv6
        default: self.addressFamily
        }
    }

    func check() throws(TransportError) {
        if let bindAddress, (try? SocketAddress(ipAddress: bindAddress, port: 0)) == nil {
            throw Self.invalid("bindAddress \(String(bindAddress.prefix(60)).debugDescription) is not an IP address.")
        }
        guard 0...65_535 ~= self.bindPort else { throw Self.invalid("bindPort must be 0 to 65535.") }
        for size in [self.sendBufferSize, self.receiveBufferSize] {
            guard size.map({ 1...Int(Int32.max) ~= $0 }) ?? true else {
                throw Self.invalid("The sizes of a socket's buffers must be 1 to 2147483647 bytes.")
            }
        }
        guard let keepAlive else { return }
        for time in [keepAlive.idle, keepAlive.interval] {
            guard time.map({ 1...32_767 ~= $0.components.seconds }) ?? true else {
                throw Self.invalid("The times of TCP's keep-alive must be 1 to 32767 seconds.")
            }
        }
        guard keepAlive.count.map({ 1...127 ~= $0 }) ?? true else {
            throw Self.invalid("The count of TCP's keep-alive must be 1 to 127.")
        }
    }

    private static func invalid(_ message: String) -> TransportError { TransportError(.invalidEndpoint, message) }

    /// Sets the options on a socket that is not connected yet.
    func apply(to options: any NIOSynchronousChannelOptions, isTCP: Bool) throws {
        if let size = self.sendBufferSize {
            try options.setOption(.socketOption(.so_sndbuf), value: .init(size))
        }
        if let size = self.receiveBufferSize {
            try options.setOption(.socketOption(.so_rcvbuf), value: .init(size))
        }
        guard isTCP else { return }
        // The bootstrap switches it on.
        if !self.noDelay { try options.setOption(.tcpOption(.tcp_nodelay), value: 0) }
        guard let keepAlive else { return }
        try options.setOption(.socketOption(.so_keepalive), value: 1)
        if let idle = keepAlive.idle { try options.setOption(Self.idle, value: .init(idle.components.seconds)) }
        if let interval = keepAlive.interval {
            try options.setOption(Self.tcp(TCP_KEEPINTVL), value: .init(interval.components.seconds))
        }
        if let count = keepAlive.count { try options.setOption(Self.tcp(TCP_KEEPCNT), value: .init(count)) }
    }

    #if canImport(Darwin)
    private static let idle = Self.tcp(TCP_KEEPALIVE)
    #else
    private static let idle = Self.tcp(TCP_KEEPIDLE)
    #endif

    private static func tcp(_ name: CInt) -> ChannelOptions.Types.SocketOption {
        ChannelOptions.Types.SocketOption(level: .tcp, name: NIOBSDSocket.Option(rawValue: name))
    }
}
