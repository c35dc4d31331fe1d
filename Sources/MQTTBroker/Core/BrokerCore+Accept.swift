// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore

extension BrokerCore {
    /// The client is let in: its session is found or made, and CONNACK is the first thing it hears (MQTT-3.2.0-1).
    mutating func accept(_ connecting: Connecting, of id: ConnectionID, now: NIODeadline) {
        let clientID = connecting.connect.clientID
        let key = UTF8Key(clientID)
        self.takeOver(key, now: now)
        var slot = self.slots[key]
        if let old = slot, connecting.connect.cleanStart {
            // MQTT-3.1.2-4.
            self.endSession(old, now: now)
            slot = nil
        }
        let isPresent = slot != nil
        guard isPresent || self.slots.count < self.limits.sessions else {
            return self.refuse(id, .quotaExceeded, clientID: clientID, words: "There are too many sessions", now: now)
        }
        let expiry = min(connecting.askedExpiry, self.limits.sessionExpiryCap)
        let place = slot ?? self.newSession(key)
        self.sessions[place].expiry = expiry
        // MQTT-3.1.3-9.
        self.sessions[place].pendingWill = nil
        self.alarms.remove(.will(place))
        self.alarms.remove(.session(place))
        self.connections[id]?.phase = .connected(place)
        let link = ServerLink(connecting, connection: id, limits: self.limits)
        self.sessions[place].link = link
        self.statistics.connected += 1
        var connAck = self.connAck(for: connecting, expiry: expiry, keepAlive: link.keepAlive)
        connAck.sessionPresent = isPresent
        self.send(.connAck(connAck), to: id)
        self.note(.connected(clientID: clientID, version: connecting.version, sessionPresent: isPresent))
        self.begin(place, connecting, link: link, now: now)
    }

    private mutating func begin(_ slot: Int, _ connecting: Connecting, link: ServerLink, now: NIODeadline) {
        if link.keepAlive > 0 { self.alarms.set(.keepAlive(link.connection), at: now + link.patience) }
        let window = connecting.connect.properties.receiveMaximum ?? self.limits.inFlightMaximum
        self.sessions[slot].outbound.begin(window: max(1, Int(window)))
        self.setOnline(true, slot)
        self.drain(slot, now: now)
    }

    /// Tells the shared subscriptions of a session that their member is there, or away.
    mutating func setOnline(_ isOnline: Bool, _ slot: Int) {
        for filter in self.sessions[slot].subscriptions.keys where filter.shareName != nil {
            self.subscriptions.setOnline(isOnline, slot: slot, in: filter)
        }
    }

    /// The same identifier again ends the older connection (MQTT-3.1.4-3).
    private mutating func takeOver(_ key: UTF8Key, now: NIODeadline) {
        guard let slot = self.slots[key], let link = self.sessions[slot].link else { return }
        self.fail(link.connection, .sessionTakenOver, "Another connection uses the client identifier", now: now)
    }

    private mutating func newSession(_ key: UTF8Key) -> Int {
        let session = ServerSession(clientID: key, expiry: 0)
        let slot: Int
        if let free = self.freeSlots.popLast() {
            slot = free
            self.sessions[slot] = session
        } else {
            slot = self.sessions.count
            self.sessions.append(session)
        }
        self.slots[key] = slot
        return slot
    }

    /// What differs from the defaults of the standard, or from what the client asked for (MQTT 5.0, 3.2.2.3).
    private func connAck(for connecting: Connecting, expiry: UInt32, keepAlive: UInt16) -> ConnAck {
        guard connecting.version.hasProperties else { return ConnAck() }
        let limits = self.limits
        var properties = Properties()
        if expiry != connecting.askedExpiry { properties.sessionExpiryInterval = expiry }
        if limits.receiveMaximum < .max { properties.receiveMaximum = max(1, limits.receiveMaximum) }
        if limits.maximumQoS < .exactlyOnce { properties.maximumQoS = limits.maximumQoS }
        if !limits.retainAvailable { properties.retainAvailable = false }
        if limits.maximumPacketSize < BrokerProfile().maximumPacketSize {
            properties.maximumPacketSize = max(1, limits.maximumPacketSize)
        }
        if connecting.isAssigned { properties.assignedClientIdentifier = connecting.connect.clientID }
        if limits.topicAliasMaximum > 0 { properties.topicAliasMaximum = limits.topicAliasMaximum }
        if !limits.wildcardSubscriptionAvailable { properties.wildcardSubscriptionAvailable = false }
        if !limits.subscriptionIdentifierAvailable { properties.subscriptionIdentifierAvailable = false }
        if !limits.sharedSubscriptionAvailable { properties.sharedSubscriptionAvailable = false }
        if keepAlive != connecting.connect.keepAlive { properties.serverKeepAlive = keepAlive }
        if let method = connecting.connect.properties.authenticationMethod {
            // MQTT-4.12.0-5.
            properties.authenticationMethod = method
            properties.authenticationData = connecting.authenticationData
        }
        return ConnAck(properties: properties)
    }
}
