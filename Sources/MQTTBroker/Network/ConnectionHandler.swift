// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// The end of a connection's pipeline: passes on what happens.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: BrokerConnection
    private var isBegun = false

    init(_ connection: BrokerConnection) { self.connection = connection }

    func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { self.begin() } }

    func channelActive(context: ChannelHandlerContext) {
        self.begin()
        context.fireChannelActive()
    }

    private func begin() {
        guard !self.isBegun else { return }
        self.isBegun = true
        self.connection.opened()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.connection.received(self.unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) { self.connection.readCompleted() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.connection.writabilityChanged(to: context.channel.isWritable)
    }

    func channelInactive(context: ChannelHandlerContext) { self.connection.ended() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.connection.ended()
        context.close(promise: nil)
    }
}
