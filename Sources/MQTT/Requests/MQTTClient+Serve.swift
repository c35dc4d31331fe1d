// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
public import MQTTWire

extension MQTTClient where Version == V5 {
    /// Answers the requests that come for a filter, until the task is cancelled or the client disconnected.
    ///
    /// Each request has the handler run in a task of its own, at most `concurrency` at once; further requests wait. The
    /// reply goes to the response topic with the correlation data of the request. A handler that throws is reported to the
    /// one who asked, in a reply without payload whose user property `mqtt-error` says why: the words of an ``MQTTError``
    /// with code `requestFailed`, and otherwise only that it failed. Without a response topic the handler runs and its reply
    /// is dropped.
    ///
    /// The message expiry of a request is its deadline: then the handler's task is cancelled and nothing is sent. A reply
    /// gets what is left of it. A request at QoS 1 or 2 is acknowledged when its reply was sent, so that a crash does not
    /// lose it; acknowledgements leave in the order of arrival, so that one slow handler holds back those behind it.
    ///
    /// On the way out running handlers are cancelled and awaited, their requests are acknowledged without a reply, and the
    /// filter is unsubscribed. Goes on across reconnects. A shared filter, `$share/group/filter`, spreads the requests over
    /// several clients.
    ///
    /// - Throws: ``MQTTError`` with code `invalidFilter`, `subscriptionRefused`, `notSupportedByServer`, `notConnected` or
    ///   `invalidArgument`, or the error the client gave up with.
    public func serve(
        _ filter: String,
        qos: QoS = .atMostOnce,
        concurrency: Int = 16,
        settings: ServeSettings = ServeSettings(),
        _ handler: @escaping @Sendable (MQTTRequest) async throws -> MQTTReply
    ) async throws(MQTTError) {
        guard concurrency > 0 else { throw MQTTError(.invalidArgument, "concurrency must be positive") }
        let subscriptionSettings = SubscriptionSettings(bufferSize: settings.bufferSize, acknowledgement: .manual)
        let requests: MQTTSubscription
        do throws(MQTTError) {
            requests = try await self.subscribe(to: [filter], qos: qos, settings: subscriptionSettings)
        } catch {
            if error.code == .cancelled { return }
            throw error
        }
        let responder = Responder(client: self, settings: settings, handler: handler)
        let failure = await responder.answer(requests, concurrency: concurrency)
        await requests.unsubscribe()
        if let failure { throw failure }
    }
}
