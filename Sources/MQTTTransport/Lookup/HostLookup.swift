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

/// One lookup of the addresses of a host, asked of the system each time anew.
final class HostLookup: Resolver, Sendable {
    /// The system's lookup blocks, and for long when a name server is away: not in the way of anything else.
    static let threadPool: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 16)
        pool.start()
        return pool
    }()

    /// Asks for all addresses of a host and a port; blocks.
    typealias Ask = @Sendable (_ host: String, _ port: Int) throws -> [SocketAddress]

    private let family: SocketOptions.AddressFamily
    private let ask: Ask
    private let eventLoop: any EventLoop
    private let first: EventLoopPromise<[SocketAddress]>
    private let second: EventLoopPromise<[SocketAddress]>
    /// Called on the event loop when the addresses are there.
    private let found: @Sendable () -> Void

    init(
        _ family: SocketOptions.AddressFamily,
        on eventLoop: any EventLoop,
        ask: @escaping Ask,
        found: @escaping @Sendable () -> Void
    ) {
        self.family = family
        self.ask = ask
        self.eventLoop = eventLoop
        self.first = eventLoop.makePromise()
        self.second = eventLoop.makePromise()
        self.found = found
    }

    /// The addresses to try first: usually those of IPv6, which the connector asks for first.
    ///
    /// The system is asked once, for both.
    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        let (ask, family) = (self.ask, self.family)
        let answer = Self.threadPool.runIfActive(eventLoop: self.eventLoop) { try ask(host, port) }
        answer.whenComplete { result in
            self.found()
            switch result {
            case .success(let addresses):
                let v4 = addresses.filter { if case .v4 = $0 { true } else { false } }
                let v6 = addresses.filter { if case .v6 = $0 { true } else { false } }
                let (first, second) = family.order(v4: v4, v6: v6)
                self.first.succeed(first)
                self.second.succeed(second)
            case .failure(let error):
                self.first.fail(error)
                self.second.fail(error)
            }
        }
        return self.first.futureResult
    }

    /// The addresses to try beside them.
    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { self.second.futureResult }

    /// The system's lookup cannot be stopped.
    func cancelQueries() {}

    /// One address of a host, the first to try.
    func firstAddress(of host: String, port: Int) -> EventLoopFuture<SocketAddress?> {
        self.initiateAAAAQuery(host: host, port: port).and(self.second.futureResult).map { ($0 + $1).first }
    }
}

extension SocketOptions.AddressFamily {
    fileprivate func order(v4: [SocketAddress], v6: [SocketAddress]) -> ([SocketAddress], [SocketAddress]) {
        switch self.name {
        case .both: (v6, v4)
        case .preferIPv4: (v4, v6)
        case .onlyIPv4: ([], v4)
        case .onlyIPv6: (v6, [])
        }
    }
}

extension HostLookup {
    /// The reason of the system for a name without addresses.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Asks the system; blocks.
    @Sendable static func askSystem(host: String, port: Int) throws -> [SocketAddress] {
        var hints = addrinfo()
        #if canImport(Glibc)
        hints.ai_socktype = CInt(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "\(port)", &hints, &list)
        guard code == 0 else { throw Failure(description: String(cString: gai_strerror(code))) }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let info = next?.pointee {
            if let address = info.ai_addr {
                let raw = UnsafeRawPointer(address)
                switch info.ai_family {
                case AF_INET: addresses.append(SocketAddress(raw.loadUnaligned(as: sockaddr_in.self), host: host))
                case AF_INET6: addresses.append(SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self), host: host))
                default: break
                }
            }
            next = info.ai_next
        }
        return addresses
    }
}
