// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

extension BrokerCore {
    /// The broker ends a connection because of what came, or did not come (MQTT-4.13.1-1).
    ///
    /// A 5.0 client that was accepted is told why (MQTT-3.14.0-1).
    mutating func fail(_ id: ConnectionID, _ reason: ReasonCode, _ words: String, now: NIODeadline) {
        guard let state = self.connections[id] else { return }
        guard let slot = state.slot, let link = self.sessions[slot].link else {
            let clientID: String = if case .connecting(let it, _) = state.phase { it.connect.clientID } else { "" }
            return self.refuse(id, reason, clientID: clientID, words: words, now: now)
        }
        if link.version.hasProperties { self.sendDisconnect(reason, words, to: id) }
        self.end(id, reason, words, closes: true, now: now)
    }

    /// The program ends the connection of a client; false when there is none.
    mutating func disconnect(clientID: String, reason: ReasonCode, now: NIODeadline) -> Bool {
        guard let slot = self.slots[UTF8Key(clientID)], let link = self.sessions[slot].link else { return false }
        self.fail(link.connection, reason, "The broker's program ended the connection", now: now)
        return true
    }

    private mutating func sendDisconnect(_ reason: ReasonCode, _ words: String, to id: ConnectionID) {
        var disconnect = Disconnect(reason: reason)
        let isLegal = (try? PacketEncoder(version: .v5).encodedSize(of: .disconnect(disconnect))) != nil
        if !isLegal { disconnect.reason = .protocolError }
        disconnect.properties.reasonString = words
        self.send(.disconnect(disconnect), to: id)
    }

    /// DISCONNECT of the client (MQTT 5.0, 3.14.4).
    mutating func disconnectCame(_ packet: Disconnect, of slot: Int, from id: ConnectionID, now: NIODeadline) {
        guard let link = self.sessions[slot].link else { return }
        if let expiry = packet.properties.sessionExpiryInterval {
            guard expiry == 0 || link.mayChangeExpiry else {
                return self.fail(id, .protocolError, "DISCONNECT gives a session expiry that CONNECT had not", now: now)
            }
            self.sessions[slot].expiry = min(expiry, self.limits.sessionExpiryCap)
        }
        // MQTT-3.14.4-3.
        if packet.reason == .normalDisconnection { self.sessions[slot].link?.will = nil }
        self.end(id, packet.reason, "The client left", closes: true, now: now)
    }

    /// A connection that had been accepted is over, however that came.
    mutating func end(
        _ id: ConnectionID,
        _ reason: ReasonCode,
        _ words: String,
        closes: Bool = false,
        now: NIODeadline
    ) {
        guard let state = self.connections[id], let slot = state.slot, let link = self.sessions[slot].link else {
            return
        }
        if closes, !state.isGone { self.append(.close(id)) }
        self.forget(id)
        let clientID = self.sessions[slot].clientID.string
        self.note(.disconnected(clientID: clientID, reason: reason, words: words))
        self.sessions[slot].link = nil
        self.sessions[slot].outbound.end()
        self.statistics.connected -= 1
        self.setOnline(false, slot)
        let expiry = self.sessions[slot].expiry
        if let will = link.will { self.keep(will, of: slot, now: now) }
        if expiry == 0 {
            self.endSession(slot, now: now)
        } else if expiry < .max {
            self.alarms.set(.session(slot), at: now + .seconds(Int64(expiry)))
        }
    }

    /// Nothing of a connection remains; its session may.
    mutating func forget(_ id: ConnectionID) {
        guard let state = self.connections.removeValue(forKey: id) else { return }
        if let question = state.question { self.askers[question.id] = nil }
        self.alarms.remove(.connect(id))
        self.alarms.remove(.keepAlive(id))
        self.alarms.remove(.giveUp(id))
    }

    /// A session is over: its will goes out, its subscriptions end, and others get what it shared and did not acknowledge.
    mutating func endSession(_ slot: Int, now: NIODeadline) {
        self.alarms.remove(.session(slot))
        self.publishPendingWill(of: slot, now: now)
        let session = self.sessions[slot]
        for filter in session.filters { self.subscriptions.remove(slot: slot, from: filter) }
        self.slots[session.clientID] = nil
        self.sessions[slot] = .ended
        self.freeSlots.append(slot)
        for delivery in session.outbound.unacknowledgedShares { self.deliverElsewhere(delivery, now: now) }
    }

    /// Publishes a will now, or when its delay is over (MQTT-3.1.2-8).
    ///
    /// The end of the session is the latest moment; ``endSession(_:now:)`` sees to that.
    private mutating func keep(_ will: Will, of slot: Int, now: NIODeadline) {
        let delay = will.properties.willDelayInterval ?? 0
        self.sessions[slot].pendingWill = will
        guard delay > 0 else { return self.publishPendingWill(of: slot, now: now) }
        self.alarms.set(.will(slot), at: now + .seconds(Int64(delay)))
    }

    mutating func publishPendingWill(of slot: Int, now: NIODeadline) {
        guard let will = self.sessions[slot].pendingWill else { return }
        self.sessions[slot].pendingWill = nil
        self.alarms.remove(.will(slot))
        var properties = will.properties
        properties.willDelayInterval = nil
        let publish = Publish(
            topic: will.topic,
            payload: will.payload,
            qos: will.qos,
            retain: will.retain,
            properties: properties
        )
        let key = self.sessions[slot].clientID
        let message = BrokerMessage(publish, topic: will.topic, publisher: key, now: now)
        _ = self.take(message, from: slot, now: now)
    }
}
