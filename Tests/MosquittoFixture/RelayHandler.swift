// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Reads one half of a relay and writes to the other.
final class RelayHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private let relay: Relay
    private let direction: CuttingProxy.Direction
    private var context: ChannelHandlerContext?
    /// A read that waits until the other half takes more.
    private var isReadDue = false
    /// What was read and may not be forwarded yet.
    private var held: [ByteBuffer] = []

    init(_ relay: Relay, _ direction: CuttingProxy.Direction) {
        self.relay = relay
        self.direction = direction
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        self.relay.resumeOther(than: self.direction)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.relay.resumeOther(than: self.direction) }
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        guard self.destination?.isWritable == true, !self.relay.core.isHolding else {
            self.isReadDue = true
            return
        }
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.held.append(self.unwrapInboundIn(data))
        self.drain()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// The other half takes bytes again, or the black hole has ended.
    func resume() {
        self.drain()
        guard self.isReadDue, self.destination?.isWritable == true, !self.relay.core.isHolding else { return }
        self.isReadDue = false
        self.context?.read()
    }

    private func drain() {
        guard !self.relay.core.isHolding, let destination = self.destination else { return }
        let buffers = self.held
        self.held = []
        // A cut on the way closes the destination; the rest is lost, as it is meant to be.
        for buffer in buffers where destination.isActive {
            self.relay.core.forward(buffer, self.direction, to: destination)
        }
    }

    private var destination: (any Channel)? {
        self.relay.destination(self.direction)
    }
}
