// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
public import MQTTWire
public import NIOCore

extension MQTTClient {
    /// Publishes a message and returns once the server has taken responsibility for it.
    ///
    /// At QoS 0 this returns when the bounded outbox has taken the message; at QoS 1 and 2 when the handshake ends, across as
    /// many reconnects as that takes. A call ends exactly once: the server has acknowledged the message, with its reason code;
    /// or it failed, and nothing can be sent any more; or the outcome is unknown, and the error is named so. Cancelling stops
    /// the wait, not the delivery.
    ///
    /// `whenOffline` says what to do without a connection, for this message; nil is what the configuration says. The expiry
    /// of a message that waits counts down here, and what is left of it is sent.
    ///
    /// - Throws: ``MQTTError`` with code `invalidTopic`, `packetTooLarge`, `notSupportedByServer`, `notConnected`, `queueFull`,
    ///   `timedOut`, `messageExpired` or `storeFailed` when nothing was sent; `publishRefused`, `outcomeUnknown`,
    ///   `clientClosed` or `cancelled` later.
    @discardableResult
    public func publish(
        _ payload: ByteBuffer,
        to topic: String,
        qos: QoS = .atMostOnce,
        retain: Bool = false,
        whenOffline: OfflinePolicy.Choice? = nil
    ) async throws(MQTTError) -> PublishOutcome {
        let message = OutgoingMessage(topic: topic, payload: payload, qos: qos, retain: retain)
        return try await self.publish(self.frame(message), whenOffline)
    }

    /// Publishes text, bytes, or a number as decimal text; otherwise as ``publish(_:to:qos:retain:whenOffline:)-(ByteBuffer,_,_,_,_)``.
    @discardableResult
    public func publish(
        _ payload: some MQTTPayload,
        to topic: String,
        qos: QoS = .atMostOnce,
        retain: Bool = false,
        whenOffline: OfflinePolicy.Choice? = nil
    ) async throws(MQTTError) -> PublishOutcome {
        let message = OutgoingMessage(topic: topic, payload: payload.mqttPayload, qos: qos, retain: retain)
        return try await self.publish(self.frame(message), whenOffline)
    }

    /// Publishes an empty message; with `retain` it clears what the server keeps for the topic.
    @discardableResult
    public func publish(
        to topic: String,
        qos: QoS = .atMostOnce,
        retain: Bool = false,
        whenOffline: OfflinePolicy.Choice? = nil
    ) async throws(MQTTError) -> PublishOutcome {
        try await self.publish(self.frame(OutgoingMessage(topic: topic, qos: qos, retain: retain)), whenOffline)
    }

    /// Publishes a message that was made before; otherwise as ``publish(_:to:qos:retain:whenOffline:)-(ByteBuffer,_,_,_,_)``.
    @discardableResult
    public func publish(
        _ message: OutgoingMessage,
        whenOffline: OfflinePolicy.Choice? = nil
    ) async throws(MQTTError) -> PublishOutcome {
        try await self.publish(self.frame(message), whenOffline)
    }

    /// Publishes a message that was checked.
    private func publish(
        _ frame: PublishFrame,
        _ choice: OfflinePolicy.Choice?
    ) async throws(MQTTError) -> PublishOutcome {
        let offline = choice?.engineChoice
        guard frame.message.qos != .atMostOnce else {
            // Written right here: a call that may suspend costs as much as the message.
            guard let isFull = try self.link.writeUnacknowledged(frame, offline) else {
                return try await self.link.queueUnacknowledged(frame, offline)
            }
            if isFull { await self.link.pace() }
            return PublishOutcome()
        }
        if self.configuration.sessionStore != nil { try await self.loadSession() }
        let completion = await self.link.call { state, operation in
            self.link.publishAcknowledged(frame, offline, &state, operation)
        }
        return try completion.publishOutcome()
    }

    /// Hands a message over and returns at once with a receipt.
    ///
    /// Messages go out in the order of the calls. The receipt need not be looked at; at QoS 0 it is complete at once.
    ///
    /// - Throws: ``MQTTError`` with code `invalidTopic`, `packetTooLarge`, `notSupportedByServer`, `notConnected`, `queueFull`:
    ///   nothing was sent; the receipt has the rest. With a session store, connect first.
    @discardableResult
    public func enqueue(
        _ payload: some MQTTPayload,
        to topic: String,
        qos: QoS = .atLeastOnce,
        retain: Bool = false,
        whenOffline: OfflinePolicy.Choice? = nil
    ) throws(MQTTError) -> PublishReceipt {
        let message = OutgoingMessage(topic: topic, payload: payload.mqttPayload, qos: qos, retain: retain)
        return try self.enqueue(message, whenOffline: whenOffline)
    }

    /// Hands over a message that was made before; otherwise as ``enqueue(_:to:qos:retain:whenOffline:)``.
    @discardableResult
    public func enqueue(
        _ message: OutgoingMessage,
        whenOffline: OfflinePolicy.Choice? = nil
    ) throws(MQTTError) -> PublishReceipt {
        try self.link.enqueue(self.frame(message), whenOffline?.engineChoice)
    }

    /// Checks a message against the rules of the version.
    func frame(_ message: consuming OutgoingMessage) throws(MQTTError) -> PublishFrame {
        do throws(EncodingError) {
            let frame = try PublishFrame(consume message, version: Version.protocolVersion)
            guard frame.requestedAlias == 0 else { return try self.checkAlias(of: frame) }
            return frame
        } catch {
            throw MQTTError(error)
        }
    }

    /// Checks that a message may ask for a topic alias.
    private func checkAlias(of frame: PublishFrame) throws(EncodingError) -> PublishFrame {
        guard self.configuration.versioned.outboundTopicAliases.automaticLimit == nil else {
            let words =
                "The client chooses topic aliases itself (outboundTopicAliases is automatic): take topicAlias out"
            throw EncodingError(.invalidProperty, words)
        }
        return frame
    }
}
