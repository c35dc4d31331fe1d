// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

/// What is left to do for requests once no lock is held.
struct RequestWork {
    var mustWake = false
    var aftermaths: [Aftermath] = []
    /// Subscriptions to replies that are needed no longer.
    var leaving: [SubscriptionCore] = []
    /// Subscriptions to replies to look at again later.
    var watched: [(filter: TopicFilter, core: SubscriptionCore)] = []
    var ended: [(continuation: RequestContinuation, result: Result<MQTTMessage, MQTTError>)] = []
    /// Topics of messages that answered nothing.
    var unmatched: [String] = []
}
