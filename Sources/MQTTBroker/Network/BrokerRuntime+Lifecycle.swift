// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import MQTTTransport
internal import MQTTWire
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

extension BrokerRuntime {
    /// Puts the broker at the end of a connection that was accepted.
    func accepted(_ channel: any Channel, by listener: BrokerListener, _ context: NIOSSLContext?) throws {
        guard self.track(channel) else { return }
        let pipeline = channel.pipeline.syncOperations
        if let context { try pipeline.addHandler(NIOSSLServerHandler(context: context)) }
        guard let path = listener.webSocket else {
            let connection = self.makeConnection(channel, canHalfClose: context == nil)
            try pipeline.addHandler(ConnectionHandler(connection))
            return
        }
        let upgrade = WebSocketUpgrade(path: path.path, origins: self.configuration.allowedOrigins, runtime: self)
        try upgrade.add(to: channel)
    }

    /// Puts the broker at one end of a connection in memory.
    func accepted(_ stream: InMemoryByteStream) {
        let channel = stream.makeChannel(on: self.eventLoop)
        guard self.track(channel) else { return }
        let connection = self.makeConnection(channel, canHalfClose: false)
        do {
            try channel.pipeline.syncOperations.addHandler(ConnectionHandler(connection))
            try channel.syncOptions?.setOption(.autoRead, value: true)
        } catch {
            channel.close(promise: nil)
        }
    }

    /// Remembers a channel until it closes; false, and closed, when the broker stops.
    private func track(_ channel: any Channel) -> Bool {
        guard self.isAccepting else {
            channel.close(promise: nil)
            return false
        }
        let key = ObjectIdentifier(channel)
        self.channels[key] = channel
        channel.closeFuture.assumeIsolated().whenComplete { _ in self.channels[key] = nil }
        return true
    }

    /// Tells every client, and closes every connection.
    ///
    /// - Returns: When all are closed, or have had their time.
    func stop(forgettingSessions: Bool) -> EventLoopFuture<Void> {
        self.isAccepting = false
        let begun = Set(self.connections.values.map { ObjectIdentifier($0.channel) })
        self.enter { self.feed { $0.stop(forgettingSessions: forgettingSessions, now: $1) } }
        for task in self.questions.values { task.cancel() }
        self.questions = [:]
        for connection in Array(self.connections.values) { connection.finish(isAbrupt: false) }
        // Those in the middle of a handshake, and those that were being closed before.
        for (key, channel) in self.channels where !begun.contains(key) { channel.close(promise: nil) }
        return self.allClosed()
    }

    private func allClosed() -> EventLoopFuture<Void> {
        let closed = self.channels.values.map { channel in channel.closeFuture.flatMapErrorThrowing { _ in } }
        let all = EventLoopFuture.andAllComplete(closed, on: self.eventLoop)
        let limit = TimeAmount(self.configuration.closingTime) + .seconds(1)
        let timer = self.eventLoop.assumeIsolated().scheduleTask(in: limit) {
            for channel in self.channels.values { channel.close(promise: nil) }
        }
        return all.always { _ in timer.cancel() }
    }

    /// Takes connections again.
    func goOn() {
        self.isAccepting = true
        self.enter { self.feed { $0.timeReached(now: $1) } }
    }

    /// Ends the connections of a client, which is told why if its version can say it.
    func disconnect(_ clientID: String, reason: ReasonCode) -> Bool {
        var wasThere = false
        self.enter { self.feed { wasThere = $0.disconnect(clientID: clientID, reason: reason, now: $1) } }
        return wasThere
    }

    func publish(_ message: Publish) { self.enter { self.feed { $0.publish(message, now: $1) } } }
}
