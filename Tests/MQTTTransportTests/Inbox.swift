// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Notes what reaches the end of the pipeline of an embedded channel.
final class Inbox: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var bytes: [UInt8] = []
    private(set) var buffers: [ByteBuffer] = []
    private(set) var errors: [any Error] = []
    /// What happened, in short: "read", "complete", "error", "inactive".
    private(set) var events: [String] = []

    var text: String { String(decoding: self.bytes, as: UTF8.self) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        self.bytes += buffer.readableBytesView
        self.buffers.append(buffer)
        self.events.append("read")
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.events.append("complete")
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.errors.append(error)
        self.events.append("error")
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.events.append("inactive")
        context.fireChannelInactive()
    }
}
