// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine

/// What becomes of a message that was handed over without waiting.
///
/// The message is on its way whether or not anybody looks at the receipt.
public struct PublishReceipt: Sendable {
    private let block: ReceiptBlock
    private let bit: UInt64

    init(_ block: ReceiptBlock, bit: UInt64) {
        self.block = block
        self.bit = bit
    }

    /// The receipt of a message that was taken at once.
    static let succeeded = PublishReceipt(.succeeded, bit: 1)

    /// Whether the outcome is known.
    public var isComplete: Bool { self.block.isDone(self.bit) }

    /// Waits for the outcome.
    ///
    /// Cancelling the calling task does not end the wait early: ask ``isComplete`` first where that matters.
    ///
    /// - Throws: ``MQTTError`` as `publish` does: `publishRefused`, `outcomeUnknown`, `clientClosed`, `storeFailed`.
    @discardableResult
    public func outcome() async throws(MQTTError) -> PublishOutcome {
        if !self.block.isDone(self.bit) { await self.block.wait(self.bit) }
        guard let completion = self.block.completion(self.bit) else { return PublishOutcome() }
        return try completion.publishOutcome()
    }
}

extension Completion {
    /// The outcome of a publish, or its error.
    func publishOutcome() throws(MQTTError) -> PublishOutcome {
        switch self {
        case .published(let reason, let properties):
            return PublishOutcome(reason: reason, properties: properties)
        case .queued:
            return .queued
        case .publishRefused(let reason, let properties):
            throw MQTTError(
                .publishRefused,
                "the server refused the message: \(reason)",
                reason: reason,
                properties: properties
            )
        case .failed(let failure):
            throw MQTTError(failure)
        case .connected, .disconnected, .subscribed, .unsubscribed, .pong, .authenticated:
            preconditionFailure("a publish ended as another request")
        }
    }
}
