// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore

/// An address that answers no SYN: a listening socket that accepts nothing and whose queue is full.
enum FullBacklog {
    /// Calls `body` with the port of such a socket.
    static func with<Result>(
        host: String,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (Int) async throws -> Result
    ) async throws -> Result {
        var address = try SocketAddress(ipAddress: host, port: 0)
        let domain = if case .v6 = address { AF_INET6 } else { AF_INET }
        let listener = try Self.check(socket(domain, Self.stream, 0), "a socket")
        defer { close(listener) }
        _ = try Self.check(address.withSockAddr { bind(listener, $0, socklen_t($1)) }, "bind \(host)")
        _ = try Self.check(listen(listener, 0), "listen")
        let port = try Self.port(of: listener)
        address.port = port
        // More than fit; each of them stays open, and the last ones are not answered.
        var fillers: [Int32] = []
        defer { for filler in fillers { close(filler) } }
        for _ in 0..<4 {
            let filler = try Self.check(socket(domain, Self.stream, 0), "a socket")
            fillers.append(filler)
            _ = fcntl(filler, F_SETFL, O_NONBLOCK)
            _ = address.withSockAddr { connect(filler, $0, socklen_t($1)) }
        }
        return try await body(port)
    }

    #if canImport(Glibc)
    private static let stream = Int32(SOCK_STREAM.rawValue)
    #else
    private static let stream = SOCK_STREAM
    #endif

    private static func check(_ result: Int32, _ what: String) throws -> Int32 {
        guard result >= 0 else { throw IOError(errnoCode: errno, reason: what) }
        return result
    }

    private static func port(of socket: Int32) throws -> Int {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
        }
        _ = try self.check(result, "getsockname")
        // In both families the port is behind the family.
        return withUnsafeBytes(of: &storage) { Int($0[2]) << 8 | Int($0[3]) }
    }
}

/// Holds threads until it is opened.
final class ConditionGate: @unchecked Sendable {
    private let condition = NSCondition()
    private var isOpen = false

    func open() {
        self.condition.lock()
        self.isOpen = true
        self.condition.broadcast()
        self.condition.unlock()
    }

    func wait() {
        self.condition.lock()
        while !self.isOpen { self.condition.wait() }
        self.condition.unlock()
    }
}
