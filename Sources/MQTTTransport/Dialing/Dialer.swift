// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore
package import NIOPosix

/// Makes connections: name lookup, the connection itself, and the stages of the endpoint.
package struct Dialer: Sendable {
    private let threadPool: NIOThreadPool
    private let ask: HostLookup.Ask

    /// - Parameters:
    ///   - threadPool: Reads the files of ``TLSSettings``.
    ///   - ask: Asks for all addresses of a host and a port, and may block; nil asks the system.
    package init(
        threadPool: NIOThreadPool = .singleton,
        ask: (@Sendable (_ host: String, _ port: Int) throws -> [SocketAddress])? = nil
    ) {
        self.threadPool = threadPool
        self.ask = ask ?? HostLookup.askSystem
    }

    /// Connects to `endpoint`; when that fails nothing is left open.
    ///
    /// - Parameters:
    ///   - endpoint: Where to.
    ///   - eventLoop: Whose channel it will be.
    ///   - timeout: For everything together, from the name lookup to the last handshake.
    ///   - configure: Adds the caller's handlers, on the event loop, once bytes can flow and before any does. The
    ///     channel is active then, so that the handlers see no `channelActive`. The read buffers are there when the
    ///     handlers get what the socket read as it was read.
    /// - Returns: The channel, or a ``TransportError``.
    package func dial(
        _ endpoint: Endpoint,
        on eventLoop: any EventLoop,
        timeout: TimeAmount,
        configure: @escaping @Sendable (any Channel, ReadBuffers?) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        let promise = eventLoop.makePromise(of: (any Channel).self)
        let (threadPool, ask) = (self.threadPool, self.ask)
        eventLoop.execute {
            let attempt = DialAttempt(
                endpoint: endpoint,
                eventLoop: eventLoop,
                threadPool: threadPool,
                ask: ask,
                timeout: timeout,
                configure: configure,
                promise: promise
            )
            attempt.start()
        }
        return promise.futureResult
    }
}
