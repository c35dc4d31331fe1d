// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// What the engine wants done, in this order.
package enum Effect: Equatable, Sendable {
    /// Encode the packet into the outbox.
    case send(Packet)
    /// Encode the answer into the outbox.
    case answer(Answer)
    /// Encode a PUBLISH into the outbox, straight from the caller's values.
    case sendPublish(PublishFrame, packetID: PacketID, duplicate: Bool)
    /// Encode a QoS 0 message that waited for the connection, and complete its call if it has one.
    case sendUnacknowledged(PublishFrame)
    /// Keep the change and confirm with `persisted`.
    case persist(StoreChange, Ticket)
    /// End the request.
    case complete(OperationID, Completion)
    /// End the subscription with an error: its messages end.
    case endSubscription(SubscriptionID, EngineFailure)
    /// Give a message that was kept for a subscription to this one.
    case deliverUnclaimed(DeliveryToken, Destination)
    /// Forget the messages that were kept for subscriptions to come.
    case dropUnclaimed
    /// Have the user's code do a step of enhanced authentication; answer with its number.
    case authenticate(AuthenticationStep, StepNumber)
    /// Open a link; answer with `linkUp` or `linkFailed`.
    case dial
    /// Write what is in the outbox, then close the link. The engine has done with it.
    case close
    /// Tell whoever watches.
    case report(EngineEvent)
}

/// How a request ended.
package enum Completion: Equatable, Sendable {
    indirect case connected(Connected)
    case disconnected
    /// The reason code is a success: the server has the message.
    case published(ReasonCode, Properties)
    /// The message was left in the queue; nobody waits for what becomes of it.
    case queued
    /// The server refused the message with a reason code.
    case publishRefused(ReasonCode, Properties)
    /// One reason code for each filter.
    case subscribed([ReasonCode], Properties = Properties())
    /// Empty before 5.0, or when there was nobody to ask.
    case unsubscribed([ReasonCode], Properties = Properties())
    /// The server took our word again, and we its own.
    case authenticated
    /// The round trip of a ping.
    case pong(Duration)
    case failed(EngineFailure)
}

/// What a connection began with.
package struct Connected: Equatable, Sendable {
    package var sessionPresent: Bool
    package var clientID: String
    package var limits: NegotiatedLimits
    /// The properties of CONNACK as they came, but for authentication data, which may be a secret.
    package var properties: Properties
    /// The number of the endpoint.
    package var endpoint = 0
    /// The server, where it is not the one of the endpoint.
    package var server: ServerReference?

    package init(sessionPresent: Bool, clientID: String, limits: NegotiatedLimits, properties: Properties) {
        self.sessionPresent = sessionPresent
        self.clientID = clientID
        self.limits = limits
        self.properties = properties
    }
}

/// What happened to the connection, for those who watch.
package enum EngineEvent: Equatable, Sendable {
    indirect case connected(Connected)
    /// The connection ended, or an attempt failed.
    case disconnected(EngineFailure)
    /// The next attempt comes after this wait.
    case reconnecting(attempt: Int, after: Duration)
    /// The server named another one, which is tried at once.
    case redirected(ServerReference)
    /// A session the client knew nothing of is gone on with.
    case adoptedSession(clientID: String)
    /// No further attempt will be made.
    case gaveUp(EngineFailure)
    /// The server did not take a filter.
    case subscriptionRefused(SubscriptionID, filter: String, ReasonCode)
    /// A message came that no subscription wanted; it was acknowledged.
    case unmatched(topic: String)
}
