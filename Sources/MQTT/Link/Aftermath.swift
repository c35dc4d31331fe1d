// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import NIOCore

/// What is left to do once the link's lock is released: everything that may run the user's code or touch a channel.
struct Aftermath {
    struct Closing {
        var channel: any Channel
        var contents: Outbox.Contents
    }

    var ended: [(waiter: Waiter, completion: Completion)] = []
    /// Receipts and messages of batches that the server has taken.
    var receipts: [(block: ReceiptBlock, bits: UInt64)] = []
    /// What became of the subscriptions and messages of requests, and on which connection.
    var requests: [(number: UInt64, completion: Completion, attempt: UInt64)] = []
    var batches: [(batch: PublishBatch, count: Int)] = []
    var endedSubscriptions: [(core: SubscriptionCore, failure: EngineFailure)] = []
    var events: [EngineEvent] = []
    /// Messages that were kept for a subscription which is there now.
    var claimed: [MessageRun] = []
    var closing: Closing?
    var dial: UInt64?
    /// A step for the user's exchange of enhanced authentication.
    var step: PendingStep?
    /// An exchange whose connection is gone.
    var abandoned: RunningAuthentication?
    var alarm: Instant?
    /// Whether reading is to go on or to pause, when that changes.
    var reading: (channel: any Channel, isOn: Bool)?
    var mustWake = false
    var mustStore = false
}
