// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire

/// What the core wants done, in order.
enum BrokerEffect: Hashable {
    /// Puts a packet on the wire.
    case send(Packet, to: ConnectionID)
    /// Puts the same PUBLISH of QoS 0, without a topic alias, on the wire of many: it is encoded once for each version.
    case sendToMany(Publish, [ConnectionID])
    /// Closes a connection when what was sent before is written.
    case close(ConnectionID)
    /// Stops reading from a connection, or goes on: while one of its packets waits for an answer of the user's code.
    case read(ConnectionID, Bool)
    /// Asks the user's code; the answer comes back by ``BrokerCore/answered(_:with:now:)``.
    case ask(QuestionID, BrokerQuestion)
    /// Tells whoever watches, as the log.
    case note(BrokerEvent)
}
