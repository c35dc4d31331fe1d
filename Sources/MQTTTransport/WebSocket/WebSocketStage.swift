// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// WebSocket between the channel's bytes and the caller's.
struct WebSocketStage: ChannelStage {
    let stage = TransportError.Stage.webSocket
    private let settings: WebSocketSettings
    private let endpoint: Endpoint

    init(_ settings: WebSocketSettings, for endpoint: Endpoint) throws(TransportError) {
        self.settings = settings
        self.endpoint = endpoint
    }

    func add(to channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeFailedFuture(TransportError(.other, "to be written"))
    }
}
