// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire

/// A message on its way to a consumer.
///
/// It does not hold its subscription: counting references to one object from two threads, message by message, costs more
/// than all the rest. The consumer's side adds it.
struct BufferedMessage {
    var publish: Publish
    var filterIndex: UInt16
    /// Who has to be told that the message was taken; nil when nobody has.
    var token: DeliveryToken?

    /// About what the message pins in memory, in bytes.
    var cost: Int { self.publish.payload.readableBytes + self.publish.topic.utf8.count + 128 }
}
