// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// One thing between the bytes of a channel and those of the caller: a proxy's handshake, TLS, WebSocket.
package protocol ChannelStage: Sendable {
    /// What this stage is called in errors.
    var stage: TransportError.Stage { get }

    /// Puts the stage at the end of the pipeline of an active channel; to be called on its event loop.
    ///
    /// The future ends with a ``TransportError`` or when bytes can flow; handlers that are added in a callback of it, before
    /// it returns, get every byte. After a failure the caller closes the channel.
    func add(to channel: any Channel) -> EventLoopFuture<Void>
}
