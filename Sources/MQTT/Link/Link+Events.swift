// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Logging
import MQTTEngine
import MQTTWire
import Synchronization

/// Who watches the client's events.
struct Observers {
    private var continuations: [UInt64: AsyncStream<MQTTEvent>.Continuation] = [:]
    private var next: UInt64 = 0

    mutating func add(_ continuation: AsyncStream<MQTTEvent>.Continuation) -> UInt64 {
        self.next += 1
        self.continuations[self.next] = continuation
        return self.next
    }

    mutating func remove(_ number: UInt64) { self.continuations[number] = nil }

    var all: [AsyncStream<MQTTEvent>.Continuation] { Array(self.continuations.values) }
}

extension Link {
    /// Tells those who watch, and the log.
    func tell(_ events: [EngineEvent]) {
        guard !events.isEmpty else { return }
        let observers = self.state.withLock { $0.observers.all }
        for event in events {
            self.log(event)
            let told = MQTTEvent(event, of: self)
            for observer in observers { observer.yield(told) }
        }
    }

    func tellDropped(_ count: Int, of core: SubscriptionCore) {
        let filter = core.filters.first?.string ?? ""
        let observers = self.state.withLock { $0.observers.all }
        for observer in observers { observer.yield(.messagesDropped(count: count, filter: filter)) }
    }

    private func log(_ event: EngineEvent) {
        let logger = self.settings.logger
        switch event {
        case .connected(let connected):
            var metadata: Logger.Metadata = [
                "mqtt.client.id": "\(connected.clientID)",
                "mqtt.session.present": "\(connected.sessionPresent)",
            ]
            if let endpoint = self.world.endpoint(connected.endpoint, server: connected.server) {
                metadata["mqtt.endpoint"] = "\(endpoint)"
            }
            logger.debug("connected", metadata: metadata)
        case .disconnected(let failure):
            let level: Logger.Level = failure.kind == .closed ? .debug : .info
            logger.log(level: level, "disconnected", metadata: self.metadata(failure))
        case .reconnecting(let attempt, let wait):
            logger.info("connecting again", metadata: ["mqtt.attempt": "\(attempt)", "mqtt.wait": "\(wait)"])
        case .redirected(let server):
            logger.info("another server was named", metadata: ["mqtt.server": "\(server)"])
        case .adoptedSession(let clientID):
            logger.warning("the session is of an earlier process", metadata: ["mqtt.client.id": "\(clientID)"])
        case .gaveUp(let failure):
            logger.info("no further attempt to connect", metadata: self.metadata(failure))
        case .subscriptionRefused(_, let filter, let reason):
            logger.info("subscription refused", metadata: ["mqtt.filter": "\(filter)", "mqtt.reason": "\(reason)"])
        case .unmatched(let topic):
            logger.trace("a message nobody subscribed to", metadata: ["mqtt.topic": "\(topic)"])
        }
    }

    private func metadata(_ failure: EngineFailure) -> Logger.Metadata {
        var metadata: Logger.Metadata = [
            "mqtt.client.id": "\(self.settings.clientID)", "mqtt.cause": "\(failure.message)",
        ]
        if let reason = failure.reason { metadata["mqtt.reason"] = "\(reason)" }
        return metadata
    }
}
