// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTT

extension MQTTSubscription {
    /// The next message, if it comes in time.
    ///
    /// Messages that come later stay with the subscription.
    ///
    /// - Parameters:
    ///   - limit: How long at most, in real time.
    ///   - fileID: Where it is waited for.
    ///   - line: Where it is waited for.
    /// - Returns: The message.
    /// - Throws: ``TestKitError`` with code `timedOut` or `sequenceEnded`; the `MQTTError` that ended the subscription;
    ///   `CancellationError`.
    public func next(
        within limit: Duration,
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws -> MQTTMessage {
        let messages = try await self.take(1, within: limit, Place(fileID, line))
        guard let message = messages.first else { preconditionFailure("a message was taken and is not there") }
        return message
    }

    /// The next messages, if they all come in time.
    ///
    /// - Parameters:
    ///   - count: How many.
    ///   - limit: How long at most for all of them, in real time.
    ///   - fileID: Where they are waited for.
    ///   - line: Where they are waited for.
    /// - Returns: The messages, in the order they came.
    /// - Throws: As ``next(within:fileID:line:)``; the message says which ones had come.
    public func next(
        _ count: Int,
        within limit: Duration,
        fileID: String = #fileID,
        line: UInt = #line
    ) async throws -> [MQTTMessage] { try await self.take(count, within: limit, Place(fileID, line)) }

    private func take(_ count: Int, within limit: Duration, _ place: Place) async throws -> [MQTTMessage] {
        let end = ContinuousClock.now + limit
        var messages: [MQTTMessage] = []
        while messages.count < count {
            let limited = try await withTimeLimit(end - ContinuousClock.now) { try await self.next() }
            let filters = self.filters.map(\.description).joined(separator: ", ")
            let what =
                count == 1 ? "a message of \(filters)" : "message \(messages.count + 1) of \(count) of \(filters)"
            let before = messages.isEmpty ? "" : "; before it came \(messages.map(\.words).joined(separator: ", "))"
            switch limited {
            case .ended(let message?): messages.append(message)
            case .ended(nil):
                throw TestKitError(.sequenceEnded, "the subscription ended instead of \(what)\(before)", at: place)
            case .timeIsOver:
                throw TestKitError(.timedOut, "\(what) did not come within \(limit.words)\(before)", at: place)
            }
        }
        return messages
    }
}

extension MQTTMessage {
    fileprivate var words: String { "\(self.topic) \(self.payload.words)" }
}
