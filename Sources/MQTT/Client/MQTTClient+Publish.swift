// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
public import MQTTWire
public import NIOCore

extension MQTTClient {
    /// Publishes a message and returns once the server has taken responsibility for it.
    ///
    /// At QoS 0 this returns when the bounded outbox has taken the message; at QoS 1 and 2 when the handshake ends, across as
    /// many reconnects as that takes. Cancelling stops the wait, not the delivery.
    ///
    /// - Throws: ``MQTTError`` with code `invalidTopic`, `packetTooLarge`, `notSupportedByServer`, `notConnected`, `queueFull`
    ///   or `storeFailed` when nothing was sent; `publishRefused`, `outcomeUnknown`, `clientClosed` or `cancelled` later.
    @discardableResult
    public func publish(
        _ payload: ByteBuffer,
        to topic: String,
        qos: QoS = .atMostOnce,
        retain: Bool = false
    ) async throws(MQTTError) -> PublishOutcome {
        try await self.publish(self.frame(OutgoingMessage(topic: topic, payload: payload, qos: qos, retain: retain)))
    }

    /// Publishes text, bytes, or a number as decimal text; otherwise as ``publish(_:to:qos:retain:)-(ByteBuffer,_,_,_)``.
    @discardableResult
    public func publish(
        _ payload: some MQTTPayload,
        to topic: String,
        qos: QoS = .atMostOnce,
        retain: Bool = false
    ) async throws(MQTTError) -> PublishOutcome {
        let message = OutgoingMessage(topic: topic, payload: payload.mqttPayload, qos: qos, retain: retain)
        return try await self.publish(self.frame(message))
    }

    /// Publishes an empty message; with `retain` it clears what the server keeps for the topic.
    @discardableResult
    public func publish(
        to topic: String,
        qos: QoS = .atMostOnce,
        retain: Bool = false
    ) async throws(MQTTError) -> PublishOutcome {
        try await self.publish(self.frame(OutgoingMessage(topic: topic, qos: qos, retain: retain)))
    }

    /// Publishes a message that was made before; otherwise as ``publish(_:to:qos:retain:)-(ByteBuffer,_,_,_)``.
    @discardableResult
    public func publish(_ message: OutgoingMessage) async throws(MQTTError) -> PublishOutcome {
        try await self.publish(self.frame(message))
    }

    /// Publishes a message that was checked.
    private func publish(_ frame: PublishFrame) async throws(MQTTError) -> PublishOutcome {
        guard frame.message.qos != .atMostOnce else {
            try await self.link.publishUnacknowledged(frame)
            return PublishOutcome()
        }
        if self.configuration.sessionStore != nil { try await self.loadSession() }
        let completion = await self.link.call { state, operation in
            self.link.publishAcknowledged(frame, &state, operation)
        }
        return try completion.publishOutcome()
    }

    /// Hands a message over and returns at once with a receipt.
    ///
    /// Messages go out in the order of the calls. The receipt need not be looked at; at QoS 0 it is complete at once.
    ///
    /// - Throws: ``MQTTError`` with code `invalidTopic`, `packetTooLarge`, `notSupportedByServer`, `notConnected`, `queueFull`:
    ///   nothing was sent. With a session store, connect first.
    @discardableResult
    public func enqueue(
        _ payload: some MQTTPayload,
        to topic: String,
        qos: QoS = .atLeastOnce,
        retain: Bool = false
    ) throws(MQTTError) -> PublishReceipt {
        try self.enqueue(OutgoingMessage(topic: topic, payload: payload.mqttPayload, qos: qos, retain: retain))
    }

    /// Hands over a message that was made before; otherwise as ``enqueue(_:to:qos:retain:)``.
    @discardableResult
    public func enqueue(_ message: OutgoingMessage) throws(MQTTError) -> PublishReceipt {
        let frame = try self.frame(message)
        guard message.qos != .atMostOnce else {
            _ = try self.link.writeUnacknowledged(frame)
            return .succeeded
        }
        return try self.link.enqueue(frame)
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
