// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

extension BrokerCore {
    /// Time passed.
    mutating func timeReached(now: NIODeadline) {
        while let alarm = self.alarms.takeDue(now: now) {
            switch alarm {
            case .connect(let id): self.fail(id, .unspecifiedError, "The client did not connect in time", now: now)
            case .giveUp(let id):
                self.end(id, .packetTooLarge, "The client takes no packet as large as its answer", now: now)
            case .keepAlive(let id): self.checkKeepAlive(of: id, now: now)
            case .will(let slot): self.publishPendingWill(of: slot, now: now)
            case .session(let slot):
                self.note(.sessionEnded(clientID: self.sessions[slot].clientID.string))
                self.endSession(slot, now: now)
            case .retained(let topic): self.retained.remove(topic.string)
            case .system: self.refreshSystemTopics(now: now)
            }
        }
    }

    /// Closes a connection that was silent for one and a half times its keep-alive (MQTT-3.1.2-22).
    private mutating func checkKeepAlive(of id: ConnectionID, now: NIODeadline) {
        guard let state = self.connections[id], let slot = state.slot, let link = self.sessions[slot].link else {
            return
        }
        // While the user's code is asked, nothing is read.
        let due = (state.isPaused ? now : state.lastHeard) + link.patience
        guard due > now else {
            return self.fail(id, .keepAliveTimeout, "The keep-alive has passed one and a half times", now: now)
        }
        self.alarms.set(.keepAlive(id), at: due)
    }

    /// The broker stops: every client is told (5.0) and closed; sessions and retained messages stay, unless they are to go.
    mutating func stop(forgettingSessions: Bool, now: NIODeadline) {
        for id in self.connections.keys.sorted(by: { $0.rawValue < $1.rawValue }) {
            guard self.connections[id]?.slot != nil else {
                // MQTT-3.14.0-1.
                if self.connections[id]?.isGone == false { self.append(.close(id)) }
                self.forget(id)
                continue
            }
            self.fail(id, .serverShuttingDown, "The broker stops", now: now)
        }
        guard forgettingSessions else { return }
        self.sessions = []
        self.freeSlots = []
        self.slots = [:]
        self.subscriptions = SubscriptionTable()
        self.retained = RetainedMessages()
        self.statistics.systemTopics = 0
        self.alarms = Deadlines()
    }
}
