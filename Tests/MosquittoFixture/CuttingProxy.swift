// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOPosix

/// A TCP proxy between a client and a broker that breaks connections when a test says so.
///
/// ```swift
/// try await CuttingProxy.withProxy(to: server.port) { proxy in
///     // the client connects to proxy.port
///     try await proxy.cut(after: 1_000, of: .clientToServer)
/// }
/// ```
///
/// All of it happens on one event loop: when a call has returned, what it asks for is done. A side that does not read
/// makes the proxy stop reading from the other, as a plain connection would.
package final class CuttingProxy: Sendable {
    package enum Direction: Hashable, Sendable {
        case clientToServer
        case serverToClient
    }

    /// The address it listens on.
    package let host = "127.0.0.1"
    /// The port it listens on, the same for its whole life.
    package let port: Int

    private let loop: any EventLoop
    private let core: NIOLoopBound<ProxyCore>

    private init(port: Int, loop: any EventLoop, core: NIOLoopBound<ProxyCore>) {
        self.port = port
        self.loop = loop
        self.core = core
    }

    /// Starts a proxy in front of `target` on the loopback interface, runs `body` and ends the proxy.
    package static func withProxy<Result>(
        to target: Int,
        _ body: (CuttingProxy) async throws -> Result
    ) async throws -> Result {
        let proxy = try await CuttingProxy.start(to: target)
        do {
            let result = try await body(proxy)
            try await proxy.stop()
            return result
        } catch {
            try? await proxy.stop()
            throw error
        }
    }

    /// Starts a proxy that listens until ``stop()``.
    package static func start(to target: Int) async throws -> CuttingProxy {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let port = try await FreePort.find()
        let core = try await loop.submit {
            NIOLoopBound(ProxyCore(loop: loop, port: port, target: target), eventLoop: loop)
        }.get()
        let proxy = CuttingProxy(port: port, loop: loop, core: core)
        try await proxy.acceptConnections()
        return proxy
    }

    /// Closes every connection now; new ones are served.
    ///
    /// With `reset` they end with RST, and a peer may also lose what it has not read yet.
    package func cut(reset: Bool = false) async throws {
        try await self.onLoop { $0.cutAll(reset: reset) }
    }

    /// Closes every connection when `bytes` more have been forwarded in a direction, all connections counted together.
    ///
    /// The peer gets these bytes and not one more. A second call for a direction replaces the first. With `again` the
    /// count begins anew after every such cut, instead of cutting once. With `reset` the connections end with RST, and
    /// a peer may also lose what it has not read yet.
    package func cut(
        after bytes: Int,
        of direction: Direction,
        again: Bool = false,
        reset: Bool = false
    ) async throws {
        let fuse = ProxyCore.Fuse(length: bytes, again: again, reset: reset)
        try await self.onLoop { $0.fuses[direction] = fuse }
    }

    /// Takes back what ``cut(after:of:again:reset:)`` has asked for.
    package func spare() async throws {
        try await self.onLoop { $0.fuses = [:] }
    }

    /// Stops forwarding in both directions and keeps every connection open; nobody learns of it, nothing is lost.
    package func blackHole() async throws {
        try await self.onLoop { $0.setHolding(true) }
    }

    /// Ends what ``blackHole()`` began: what has piled up is forwarded.
    package func forward() async throws {
        try await self.onLoop { $0.setHolding(false) }
    }

    /// Stops listening: new connections are refused, those there are stay.
    package func refuseConnections() async throws {
        try await self.loop.flatSubmit { [core] in core.value.stopListening() }.get()
    }

    /// Listens again, on the same port.
    package func acceptConnections() async throws {
        try await self.loop.flatSubmit { [core] in core.value.listen() }.get()
    }

    /// Stops listening and closes every connection.
    package func stop() async throws {
        try await self.refuseConnections()
        try await self.cut()
    }

    /// Every connection accepted so far.
    package var connectionCount: Int {
        get async throws { try await self.onLoop { $0.accepted } }
    }

    /// The connections that are open on the client's side.
    package var openConnectionCount: Int {
        get async throws { try await self.onLoop { $0.openClients } }
    }

    /// How often all connections were cut after a number of bytes.
    package var cutCount: Int {
        get async throws { try await self.onLoop { $0.cuts } }
    }

    /// The bytes forwarded in a direction so far.
    package func forwardedBytes(_ direction: Direction) async throws -> Int {
        try await self.onLoop { $0.forwarded[direction, default: 0] }
    }

    /// Returns once so many connections have been accepted since the start.
    package func waitForConnections(_ count: Int) async throws {
        try await self.wait { $0.accepted >= count }
    }

    /// Returns once all connections have been cut so often after a number of bytes.
    package func waitForCuts(_ count: Int) async throws {
        try await self.wait { $0.cuts >= count }
    }

    /// Returns once so many bytes have been forwarded in a direction since the start.
    package func waitForBytes(_ count: Int, _ direction: Direction) async throws {
        try await self.wait { $0.forwarded[direction, default: 0] >= count }
    }

    /// Returns once no connection is left.
    package func waitUntilUnused() async throws {
        try await self.wait { $0.relays.isEmpty }
    }

    private func wait(_ condition: @escaping @Sendable (ProxyCore) -> Bool) async throws {
        let promise = self.loop.makePromise(of: Void.self)
        try await withTaskCancellationHandler {
            self.loop.execute { [core] in core.value.wait(until: condition, promise) }
            try await promise.futureResult.get()
        } onCancel: {
            // The time limit of a test has to get through.
            promise.fail(CancellationError())
        }
    }

    private func onLoop<Value: Sendable>(_ body: @escaping @Sendable (ProxyCore) -> Value) async throws -> Value {
        try await self.loop.submit { [core] in body(core.value) }.get()
    }
}
