// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
public import MQTTWire

extension MQTTClient where Version == V5 {
    /// Publishes a message with 5.0 properties; otherwise as ``publish(_:to:qos:retain:whenOffline:)-(ByteBuffer,_,_,_,_)``.
    ///
    /// - Throws: ``MQTTError``, also `invalidArgument` for a property that PUBLISH may not carry from a client.
    @discardableResult
    public func publish(
        _ payload: some MQTTPayload,
        to topic: String,
        qos: QoS = .atMostOnce,
        retain: Bool = false,
        properties: Properties,
        whenOffline: OfflinePolicy.Choice? = nil
    ) async throws(MQTTError) -> PublishOutcome {
        try await self.publish(
            OutgoingMessage(
                topic: topic,
                payload: payload.mqttPayload,
                qos: qos,
                retain: retain,
                properties: properties
            ),
            whenOffline: whenOffline
        )
    }

    /// Hands a message with 5.0 properties over and returns at once; otherwise as ``enqueue(_:to:qos:retain:whenOffline:)``.
    @discardableResult
    public func enqueue(
        _ payload: some MQTTPayload,
        to topic: String,
        qos: QoS = .atLeastOnce,
        retain: Bool = false,
        properties: Properties,
        whenOffline: OfflinePolicy.Choice? = nil
    ) throws(MQTTError) -> PublishReceipt {
        try self.enqueue(
            OutgoingMessage(
                topic: topic,
                payload: payload.mqttPayload,
                qos: qos,
                retain: retain,
                properties: properties
            ),
            whenOffline: whenOffline
        )
    }

    /// Subscribes with 5.0 options, runs the body with the messages, and unsubscribes on the way out.
    @discardableResult
    public func subscribe<Result>(
        to filters: String...,
        qos: QoS = .atMostOnce,
        options: SubscribeOptions,
        settings: SubscriptionSettings = SubscriptionSettings(),
        whenOffline: OfflinePolicy.Choice? = nil,
        _ body: (MQTTSubscription) async throws -> Result
    ) async throws -> Result {
        let subscription = try await self.subscribe(
            to: try Self.requests(filters, qos: qos, checking: options),
            settings: settings,
            identifier: options.subscriptionIdentifier,
            properties: options.properties,
            whenOffline: whenOffline
        )
        return try await Self.run(subscription, body)
    }

    /// Subscribes with 5.0 options and returns when the server has accepted every filter.
    public func subscribe(
        to filters: String...,
        qos: QoS = .atMostOnce,
        options: SubscribeOptions,
        settings: SubscriptionSettings = SubscriptionSettings(),
        whenOffline: OfflinePolicy.Choice? = nil
    ) async throws(MQTTError) -> MQTTSubscription {
        try await self.subscribe(
            to: try Self.requests(filters, qos: qos, checking: options),
            settings: settings,
            identifier: options.subscriptionIdentifier,
            properties: options.properties,
            whenOffline: whenOffline
        )
    }

    /// Sends DISCONNECT with a reason and closes the connection; otherwise as ``disconnect()``.
    ///
    /// ``ReasonCode/disconnectWithWill`` has the will published; a session expiry interval replaces the one of the
    /// connection, unless that was 0. A reason string or user properties that the server has no room for are left out.
    ///
    /// - Throws: ``MQTTError`` with code `invalidArgument` for a reason or property that DISCONNECT may not carry from a
    ///   client; the connection then stays.
    public func disconnect(reason: ReasonCode, properties: Properties = Properties()) async throws(MQTTError) {
        let packet = Disconnect(reason: reason, properties: properties)
        if self.configuration.versioned.sessionExpiry == 0, properties.sessionExpiryInterval ?? 0 > 0 {
            let words = "a session that ends with its connection cannot be kept any more (MQTT 5.0, 3.14.2.2.2)"
            throw MQTTError(.invalidArgument, words)
        }
        guard packet.mayComeFromClient else {
            let words = "only a server says \(reason), or names another server, in DISCONNECT (MQTT 5.0, 3.14.2)"
            throw MQTTError(.invalidArgument, words)
        }
        do throws(EncodingError) {
            _ = try PacketEncoder(version: .v5).encodedSize(of: .disconnect(packet))
        } catch {
            throw MQTTError(error)
        }
        await self.link.disconnect(packet)
    }

    /// Checks the filters and what only exists in 5.0.
    private static func requests(
        _ filters: [String],
        qos: QoS,
        checking options: SubscribeOptions
    ) throws(MQTTError) -> [SubscribeRequest.Filter] {
        if let identifier = options.subscriptionIdentifier, !(1...268_435_455 ~= identifier) {
            throw MQTTError(.invalidArgument, "a subscription identifier is 1 to 268,435,455")
        }
        guard options.properties.allSatisfy({ if case .userProperty = $0 { true } else { false } }) else {
            throw MQTTError(.invalidArgument, "the properties of a subscription may only be user properties")
        }
        do throws(EncodingError) {
            // The filters are checked for themselves; this is about the properties.
            let entry = Subscribe.Entry(filter: "a", options: SubscriptionOptions(qos: qos))
            let packet = Subscribe(packetID: .first, entries: [entry], properties: options.properties)
            _ = try PacketEncoder(version: .v5).encodedSize(of: .subscribe(packet))
        } catch {
            throw MQTTError(error)
        }
        let requests = try Self.requests(filters, qos: qos, options: options)
        if options.noLocal, let shared = requests.first(where: { $0.filter.shareName != nil }) {
            let words =
                "\"\(shared.filter.string)\" is shared and may not be asked for with noLocal (MQTT 5.0, 3.8.3.1)"
            throw MQTTError(.invalidFilter, words, filter: shared.filter.string)
        }
        return requests
    }
}
