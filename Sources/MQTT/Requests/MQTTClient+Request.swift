// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
public import MQTTWire
public import NIOCore
import Synchronization

extension MQTTError {
    fileprivate static func noReply(within timeout: Duration) -> MQTTError {
        MQTTError(.timedOut, "no reply came within \(timeout)")
    }
}

extension MQTTClient where Version == V5 {
    /// Publishes a request and returns the reply to it (MQTT 5.0, 4.10).
    ///
    /// The subscription to the reply stands before the request is sent. Many requests may wait at once; they share one
    /// subscription, which ends soon after the last of them, however that ended. A response topic and correlation data
    /// among the properties are used as they are; else the topic is one made for this request, below what the server gave
    /// as response information or else below `_swift-mqtt/reply/`, and the data are 16 random bytes. All other properties
    /// are forwarded. The reply comes with the QoS of the request, unless it was sent with a lower one.
    ///
    /// The reply is the message on the response topic with the same correlation data. A message without any is the reply
    /// when only one request waits on its topic, which is always so for a topic made here unless the server takes no
    /// wildcards. Anything else is left out and told in ``events`` as an unmatched message.
    ///
    /// Cancelling and timing out end the wait, not the delivery of the request; a late reply is acknowledged and dropped.
    /// When the connection ends the call does too, unless `whenDisconnected`, or ``Configuration/requests``, says `wait`.
    ///
    /// - Throws: ``MQTTError`` with code `invalidTopic`, `invalidArgument` (also when a request with the same response topic
    ///   and correlation data waits), `packetTooLarge`, `notSupportedByServer`, `notConnected`, `queueFull` or
    ///   `subscriptionRefused` when nothing was sent; `timedOut`, `cancelled`, `connectionLost`, `clientClosed`,
    ///   `publishRefused`, `noResponder` (when the server says so, at QoS 1 and 2), `outcomeUnknown`, and `requestFailed` when
    ///   the responder says so.
    public func request(
        _ payload: ByteBuffer,
        to topic: String,
        qos: QoS = .atMostOnce,
        timeout: Duration = .seconds(30),
        properties: Properties = Properties(),
        whenDisconnected: RequestSettings.WhenDisconnected? = nil
    ) async throws(MQTTError) -> MQTTMessage {
        let message = OutgoingMessage(topic: topic, payload: payload, qos: qos, properties: properties)
        return try await self.request(message, timeout: timeout, whenDisconnected: whenDisconnected)
    }

    /// Requests with text, bytes, or a number as decimal text; otherwise as
    /// ``request(_:to:qos:timeout:properties:whenDisconnected:)-(ByteBuffer,_,_,_,_,_)``.
    public func request(
        _ payload: some MQTTPayload,
        to topic: String,
        qos: QoS = .atMostOnce,
        timeout: Duration = .seconds(30),
        properties: Properties = Properties(),
        whenDisconnected: RequestSettings.WhenDisconnected? = nil
    ) async throws(MQTTError) -> MQTTMessage {
        let payload = payload.mqttPayload
        let message = OutgoingMessage(topic: topic, payload: payload, qos: qos, properties: properties)
        return try await self.request(message, timeout: timeout, whenDisconnected: whenDisconnected)
    }

    /// Requests with an empty message; otherwise as
    /// ``request(_:to:qos:timeout:properties:whenDisconnected:)-(ByteBuffer,_,_,_,_,_)``.
    public func request(
        to topic: String,
        qos: QoS = .atMostOnce,
        timeout: Duration = .seconds(30),
        properties: Properties = Properties(),
        whenDisconnected: RequestSettings.WhenDisconnected? = nil
    ) async throws(MQTTError) -> MQTTMessage {
        let message = OutgoingMessage(topic: topic, qos: qos, properties: properties)
        return try await self.request(message, timeout: timeout, whenDisconnected: whenDisconnected)
    }

    private func request(
        _ message: OutgoingMessage,
        timeout: Duration,
        whenDisconnected: RequestSettings.WhenDisconnected?
    ) async throws(MQTTError) -> MQTTMessage {
        try Self.check(responseTopic: message.properties.responseTopic)
        _ = try self.frame(message)
        if message.qos != .atMostOnce, self.configuration.sessionStore != nil { try await self.loadSession() }
        let link = self.link
        let deadline = link.world.now.advanced(by: timeout)
        let waits = (whenDisconnected ?? self.configuration.requests.whenDisconnected) == .wait
        let number = link.requests.withLock { $0.makeNumber() }
        var timer: UInt64?
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: RequestContinuation) in
                // Cancelling sets the flag before it runs the handler: one of the two sees the other.
                guard !Task.isCancelled else { return continuation.resume(returning: .failure(.cancelled)) }
                let request = PendingRequest(message: message, waits: waits, continuation: continuation)
                timer = link.schedule(at: deadline) { $0.endRequest(number, .noReply(within: timeout)) }
                link.begin(request, number: number)
                // What happened before it had begun found nothing to end.
                if link.world.now >= deadline { link.endRequest(number, .noReply(within: timeout)) }
                if Task.isCancelled { link.endRequest(number, .cancelled) }
            }
        } onCancel: {
            link.endRequest(number, .cancelled)
        }
        if let timer { link.unschedule(timer) }
        return try result.get()
    }

    /// Refuses a response topic that cannot be one, or that would subscribe to something else than itself.
    private static func check(responseTopic: String?) throws(MQTTError) {
        guard let responseTopic else { return }
        do throws(InvalidTopic) {
            try TopicName.check(responseTopic)
        } catch {
            throw MQTTError(.invalidTopic, "The response topic cannot be one. \(error.message)")
        }
        guard ReplyTopics.isPlain(responseTopic) else {
            let words = "the response topic \(responseTopic.debugDescription) cannot be subscribed to as it is"
            throw MQTTError(.invalidTopic, words)
        }
    }
}
