// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Keeps bytes until those they are for are in the pipeline; of one turn of the event loop at most.
final class HeldBytes: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private var held: [NIOAny] = []
    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { self.held.append(data) }

    /// Passes everything on and leaves.
    func release() {
        guard let context = self.context else { return }
        for data in self.held { context.fireChannelRead(data) }
        if !self.held.isEmpty { context.fireChannelReadComplete() }
        self.held = []
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
}
