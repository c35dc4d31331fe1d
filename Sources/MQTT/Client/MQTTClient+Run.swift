// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

#if ServiceLifecycle
public import ServiceLifecycle
#endif

extension MQTTClient {
    /// Connects and stays connected until the task is cancelled or the service group shuts down; then disconnects.
    ///
    /// On a graceful shutdown QoS 1 and 2 messages under way get five seconds to be acknowledged; then DISCONNECT is sent, so
    /// the will is not published. Subscribers should end first: put them behind the client in the group.
    ///
    /// - Throws: ``MQTTError`` when the first connection cannot be made, or when the client gives up.
    public func run() async throws {
        let events = self.events
        try await self.connect()
        let end = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await event in events {
                    if case .gaveUp(let error) = event { throw error }
                    if case .disconnected(let error) = event, error.code == .clientClosed { return }
                }
            }
            group.addTask { await Self.untilShutdown(end) }
            defer { group.cancelAll() }
            try await group.next()
        }
        if !Task.isCancelled { await self.drain(atMost: .seconds(5)) }
        await self.disconnect()
    }

    private static func untilShutdown(
        _ end: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
    ) async {
        #if ServiceLifecycle
        await withGracefulShutdownHandler {
            for await _ in end.stream {}
        } onGracefulShutdown: {
            end.continuation.finish()
        }
        #else
        for await _ in end.stream {}
        #endif
    }

    /// Waits until no QoS 1 or 2 message is under way, for a bounded time.
    private func drain(atMost limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.link.drain() }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }
}

#if ServiceLifecycle
extension MQTTClient: Service {}
#endif
