// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
public import MQTTWire

extension MQTTClient {
    /// Publishes a sequence of messages, many at a time, and returns when the server has taken all of them.
    ///
    /// The order is kept. No further message is taken from the sequence after one failed or the task was cancelled; those
    /// under way end first unless the task was cancelled.
    ///
    /// - Returns: How many messages were taken.
    /// - Throws: The first ``MQTTError``, with the codes of ``publish(_:to:qos:retain:whenOffline:)-(ByteBuffer,_,_,_,_)``.
    @inlinable
    @discardableResult
    public func publish(contentsOf messages: some Sequence<OutgoingMessage>) async throws(MQTTError) -> Int {
        // Inlinable, so that the caller's iterator is not called through its witness table: 0.1 CPU s per million.
        var iterator = messages.makeIterator()
        return try await self.publish { iterator.next() }
    }

    /// Publishes what `next` gives until it gives nothing more.
    @usableFromInline
    func publish(pulling next: () -> OutgoingMessage?) async throws(MQTTError) -> Int {
        if self.configuration.sessionStore != nil { try await self.loadSession() }
        let batch = PublishBatch()
        var chunk: [PublishFrame] = []
        chunk.reserveCapacity(Self.chunkLimit)
        var largest = 1
        var isAtEnd = false
        while !isAtEnd, batch.failure == nil, !Task.isCancelled {
            chunk.removeAll(keepingCapacity: true)
            var room = min(Self.chunkBytes, self.configuration.pendingByteLimit / 8)
            while chunk.isEmpty || chunk.count < Self.chunkLimit && room > 0 {
                guard let message = next() else {
                    isAtEnd = true
                    break
                }
                do throws(MQTTError) {
                    let frame = try self.frame(message)
                    room -= frame.size
                    largest = max(largest, frame.size)
                    chunk.append(frame)
                } catch {
                    batch.began(1)
                    batch.ended(1, failure: error)
                    isAtEnd = true
                    break
                }
            }
            await self.link.publish(chunk, batch: batch)
            // Half at a time: whoever waits is resumed for many messages, not for each.
            let bytes = min(Self.underWayBytes, self.configuration.pendingByteLimit / 2)
            let enough = min(Self.underWay, max(1, bytes / largest))
            await batch.wait(untilAtMost: enough / 2, enough: enough)
        }
        await batch.wait(untilAtMost: 0)
        if let failure = batch.failure { throw failure }
        if Task.isCancelled { throw .cancelled }
        return batch.acknowledged
    }

    /// At most so many messages are taken from the sequence at once, and none after so many bytes.
    private static var chunkLimit: Int { 64 }
    private static var chunkBytes: Int { 1 << 20 }
    /// Beyond so many messages, or about so many bytes, none is taken from the sequence.
    private static var underWay: Int { 448 }
    private static var underWayBytes: Int { 8 << 20 }
}
