// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// The channel of a connection of the user's own.
enum ByteStreamChannel {
    /// Opens a connection and makes it a channel, active and not yet read from, of the event loop.
    static func open(_ source: ByteStreamSource, on eventLoop: any EventLoop) -> EventLoopFuture<any Channel> {
        eventLoop.makeFailedFuture(TransportError(.other, "to be written"))
    }
}
