// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
public import MQTTWire

extension MQTTClient {
    /// Subscribes, runs the body with the messages, and unsubscribes on the way out, whichever way that is.
    ///
    /// The subscription is made again after reconnects when the server has forgotten it. A body may publish, subscribe,
    /// disconnect or do anything else from inside its loop.
    ///
    /// - Throws: ``MQTTError`` with code `invalidFilter`, `subscriptionRefused`, `notSupportedByServer`, `notConnected`,
    ///   `clientClosed` or `cancelled` before the body begins; then what the body throws.
    @discardableResult
    public func subscribe<Result>(
        to filters: String...,
        qos: QoS = .atMostOnce,
        settings: SubscriptionSettings = SubscriptionSettings(),
        whenOffline: OfflinePolicy.Choice? = nil,
        _ body: (MQTTSubscription) async throws -> Result
    ) async throws -> Result {
        let subscription = try await self.subscribe(
            to: try Self.requests(filters, qos: qos, options: SubscribeOptions()),
            settings: settings,
            whenOffline: whenOffline
        )
        return try await Self.run(subscription, body)
    }

    /// Subscribes and returns when the server has accepted every filter.
    ///
    /// Waits for a connection when there is none, unless `whenOffline` or the offline policy says otherwise; with a time limit
    /// the call ends with `timedOut` when the server has not answered by then. Cancelling gives the subscription up. Call ``MQTTSubscription/unsubscribe()`` when done.
    ///
    /// - Throws: ``MQTTError`` with code `invalidFilter`, `subscriptionRefused` (with the filter and the reason; filters the
    ///   server accepted are given up), `notSupportedByServer`, `notConnected`, `clientClosed` or `cancelled`.
    public func subscribe(
        to filters: String...,
        qos: QoS = .atMostOnce,
        settings: SubscriptionSettings = SubscriptionSettings(),
        whenOffline: OfflinePolicy.Choice? = nil
    ) async throws(MQTTError) -> MQTTSubscription {
        try await self.subscribe(to: filters, qos: qos, settings: settings, whenOffline: whenOffline)
    }

    /// Subscribes to a list of filters; otherwise as ``subscribe(to:qos:settings:whenOffline:)-(String...,_,_,_)``.
    public func subscribe(
        to filters: [String],
        qos: QoS = .atMostOnce,
        settings: SubscriptionSettings = SubscriptionSettings(),
        whenOffline: OfflinePolicy.Choice? = nil
    ) async throws(MQTTError) -> MQTTSubscription {
        try await self.subscribe(
            to: try Self.requests(filters, qos: qos, options: SubscribeOptions()),
            settings: settings,
            whenOffline: whenOffline
        )
    }

    /// Declares a subscription without waiting for the server, so that the backlog of a kept session finds it.
    ///
    /// Call it before ``connect()``. The filters are sent when there is a connection. A refusal ends the messages with an
    /// error, and is told in ``events``.
    ///
    /// - Throws: ``MQTTError`` with code `invalidFilter`.
    public func declareSubscription(
        to filters: String...,
        qos: QoS = .atMostOnce,
        settings: SubscriptionSettings = SubscriptionSettings()
    ) throws(MQTTError) -> MQTTSubscription {
        try self.declareSubscription(to: filters, qos: qos, settings: settings)
    }

    /// Declares a subscription to a list of filters; otherwise as ``declareSubscription(to:qos:settings:)-(String...,_,_)``.
    public func declareSubscription(
        to filters: [String],
        qos: QoS = .atMostOnce,
        settings: SubscriptionSettings = SubscriptionSettings()
    ) throws(MQTTError) -> MQTTSubscription {
        let requests = try Self.requests(filters, qos: qos, options: SubscribeOptions())
        let core = self.link.makeSubscription(requests, settings)
        self.link.change { state in
            let request = Self.request(core, requests)
            let now = { self.link.world.now }
            state.engine.subscribe(request, operation: nil, now: now, into: &state.effects)
        }
        return MQTTSubscription(core: core, reasons: [])
    }

    func subscribe(
        to filters: [SubscribeRequest.Filter],
        settings: SubscriptionSettings,
        identifier: UInt32? = nil,
        properties: Properties = Properties(),
        whenOffline: OfflinePolicy.Choice?
    ) async throws(MQTTError) -> MQTTSubscription {
        let core = self.link.makeSubscription(filters, settings)
        let completion = await self.link.call { state, operation in
            let request = Self.request(core, filters, identifier: identifier, properties: properties)
            state.engine.subscribe(
                request,
                operation: operation,
                offline: whenOffline?.engineChoice,
                now: { self.link.world.now },
                into: &state.effects
            )
        }
        switch completion {
        case .subscribed(let reasons, let properties):
            return MQTTSubscription(core: core, reasons: reasons, properties: properties)
        case .failed(let failure):
            self.link.end(core)
            core.finish(nil, dropping: true)
            throw MQTTError(failure)
        default:
            preconditionFailure("a subscribe ended as another request")
        }
    }

    static func run<Result>(
        _ subscription: MQTTSubscription,
        _ body: (MQTTSubscription) async throws -> Result
    ) async throws -> Result {
        do {
            let result = try await body(subscription)
            await subscription.unsubscribe()
            return result
        } catch {
            await subscription.unsubscribe()
            throw error
        }
    }

    private static func request(
        _ core: SubscriptionCore,
        _ filters: [SubscribeRequest.Filter],
        identifier: UInt32? = nil,
        properties: Properties = Properties()
    ) -> SubscribeRequest {
        SubscribeRequest(
            id: core.id,
            filters: filters,
            identifier: identifier,
            properties: properties,
            acknowledgesLater: core.options.acknowledgement != .onArrival
        )
    }

    /// Checks the filters.
    static func requests(
        _ filters: [String],
        qos: QoS,
        options: SubscribeOptions
    ) throws(MQTTError) -> [SubscribeRequest.Filter] {
        guard !filters.isEmpty else { throw MQTTError(.invalidFilter, "a subscription needs at least one filter") }
        var requests: [SubscribeRequest.Filter] = []
        for filter in filters {
            do throws(InvalidTopic) {
                let options = SubscriptionOptions(
                    qos: qos,
                    noLocal: options.noLocal,
                    retainAsPublished: options.retainAsPublished,
                    retainHandling: options.retainHandling
                )
                requests.append(SubscribeRequest.Filter(try TopicFilter(filter), options: options))
            } catch {
                throw MQTTError(error, isFilter: true)
            }
        }
        return requests
    }
}
