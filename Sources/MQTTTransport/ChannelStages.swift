// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore
internal import NIOSSL

/// What an endpoint puts between a channel that carries bytes and the caller: nothing, or TLS.
///
/// It does not matter what the channel is; ``Dialer`` makes sockets, and a program with its own event loop may feed an
/// `EmbeddedChannel`.
package struct ChannelStages: Sendable {
    private let tls: TLSStage?

    /// Prepares the stages; reads the files of ``TLSSettings``, so not on an event loop.
    package init(for endpoint: Endpoint) throws(TransportError) {
        try endpoint.check()
        if let settings = endpoint.tls {
            self.tls = try TLSStage(settings, for: endpoint)
        } else {
            self.tls = nil
        }
    }

    /// Puts the stages at the end of the pipeline; the future ends with a ``TransportError`` or when bytes can flow.
    ///
    /// To be called on the channel's event loop. Handlers that are added in a callback of the future, before it
    /// returns, get every byte; the channel is active then. When the future fails the caller closes the channel, best
    /// with ``abandon(_:)``.
    package func configure(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.preconditionInEventLoop()
        guard let tls = self.tls else { return channel.eventLoop.makeSucceededVoidFuture() }
        return tls.add(to: channel)
    }

    /// Closes a channel at once, without the good-bye of TLS, which could wait for seconds for that of the peer.
    package static func abandon(_ channel: any Channel) {
        channel.eventLoop.preconditionInEventLoop()
        if let tls = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLClientHandler.self) {
            tls.close(promise: nil)
        } else {
            channel.close(promise: nil)
        }
    }

    /// What an error of an established channel was, for the handlers behind the stages.
    package static func describe(_ error: any Error, from endpoint: Endpoint) -> TransportError {
        TransportError(ofTLSWith: endpoint, error) ?? TransportError(connectingTo: endpoint, failedWith: error)
    }
}
