// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import NIOCore

extension ByteStream {
    /// A channel that carries the bytes of this connection, active and not yet read from; to be called on the event loop.
    package func makeChannel(on eventLoop: any EventLoop) -> any Channel { ByteStreamChannel.make(self, on: eventLoop) }
}
