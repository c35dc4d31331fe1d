// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore
internal import NIOSSL

/// What an endpoint puts between a channel that carries bytes and the caller: a proxy, TLS, WebSocket, in this order.
///
/// It does not matter what the channel is; ``Dialer`` makes sockets, and a program with its own event loop may feed an
/// `EmbeddedChannel`.
package struct ChannelStages: Sendable {
    private let stages: [any ChannelStage]

    /// Prepares the stages; reads the files of ``TLSSettings``, so not on an event loop.
    ///
    /// `destination` is what the proxy, if there is one, is asked to connect to; nil is the host and port of the endpoint.
    package init(
        for endpoint: Endpoint,
        through proxy: ProxySettings? = nil,
        to destination: HostAndPort? = nil
    ) throws(TransportError) {
        try endpoint.check()
        var stages: [any ChannelStage] = []
        if let proxy {
            // The hop to the proxy itself may be secured, too.
            if let tls = proxy.tls { stages.append(try TLSStage(tls, for: .tls(proxy.host, port: proxy.port))) }
            let destination = destination ?? HostAndPort(host: endpoint.host, port: endpoint.port)
            stages.append(try proxy.stage(to: destination))
        }
        if let tls = endpoint.tls { stages.append(try TLSStage(tls, for: endpoint)) }
        if let webSocket = endpoint.webSocket { stages.append(try WebSocketStage(webSocket, for: endpoint)) }
        self.stages = stages
    }

    /// Puts the stages at the end of the pipeline; the future ends with a ``TransportError`` or when bytes can flow.
    ///
    /// To be called on the channel's event loop. Handlers that are added in a callback of the future, before it
    /// returns, get every byte; the channel is active then. When the future fails the caller closes the channel, best
    /// with ``abandon(_:)``. `began` is told of each stage as it begins, on the event loop.
    package func configure(
        _ channel: any Channel,
        began: @escaping (TransportError.Stage) -> Void = { _ in }
    ) -> EventLoopFuture<Void> {
        channel.eventLoop.preconditionInEventLoop()
        return Self.add(self.stages[...], to: channel, began)
    }

    private static func add(
        _ stages: ArraySlice<any ChannelStage>,
        to channel: any Channel,
        _ began: @escaping (TransportError.Stage) -> Void
    ) -> EventLoopFuture<Void> {
        guard let first = stages.first else { return channel.eventLoop.makeSucceededVoidFuture() }
        began(first.stage)
        let added = first.add(to: channel).flatMapErrorThrowing { error in
            throw (error as? TransportError)?.at(first.stage) ?? error
        }
        // On the event loop, in the very callback: the next stage sees every byte.
        return added.assumeIsolated().flatMap { Self.add(stages.dropFirst(), to: channel, began) }.nonisolated()
    }

    /// Closes a channel at once, without the good-byes of WebSocket and TLS, which could wait for that of the peer.
    package static func abandon(_ channel: any Channel) {
        channel.eventLoop.preconditionInEventLoop()
        // The first in the pipeline: it has the socket's side.
        if let tls = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) {
            tls.close(promise: nil)
        } else if let webSocket = try? channel.pipeline.syncOperations.context(handlerType: WebSocketHandler.self) {
            webSocket.close(promise: nil)
        } else {
            channel.close(promise: nil)
        }
    }

    /// What an error of an established channel was, for the handlers behind the stages.
    package static func describe(_ error: any Error, from endpoint: Endpoint) -> TransportError {
        TransportError(ofTLSWith: endpoint, error) ?? TransportError(connectingTo: endpoint, failedWith: error)
    }
}

/// A host and port that a proxy is asked to connect to.
package struct HostAndPort: Hashable, Sendable, CustomStringConvertible {
    /// A name, or an address without brackets.
    package var host: String
    package var port: Int

    package init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// With brackets where the host is an IPv6 address.
    package var description: String {
        self.host.utf8.contains(UInt8(ascii: ":")) ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }
}
