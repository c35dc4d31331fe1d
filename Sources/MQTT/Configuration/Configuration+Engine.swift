// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTEngine
import MQTTWire

extension MQTTClient.Configuration {
    /// The engine's configuration, checked; `clientID` is the one to use.
    func engineConfiguration(clientID: String) throws(MQTTError) -> EngineConfiguration {
        try self.check(clientID: clientID)
        var engine = EngineConfiguration(version: Version.protocolVersion, clientID: clientID)
        engine.cleanStart = self.versioned.cleanStart
        engine.keepAlive = UInt16(clamping: self.keepAlive.wholeSeconds)
        engine.will = self.will
        engine.will?.properties = self.versioned.willProperties
        engine.connectProperties = self.connectPacketProperties
        engine.sessionExpiry = self.versioned.sessionExpiry
        engine.receiveMaximum = self.versioned.receiveMaximum
        engine.inFlightWindow = self.inFlightWindow
        engine.handshakeTimeout = self.handshakeTimeout
        engine.pingTimeout = self.pingTimeout
        engine.pendingLimit = self.pendingMessageLimit
        engine.pendingBytesLimit = self.pendingByteLimit
        engine.offlineAtMostOnce = self.offline.publishAtMostOnce.engineChoice
        engine.offlineAcknowledged = self.offline.publishAcknowledged.engineChoice
        engine.offlineSubscribe = self.offline.subscribe.engineChoice
        engine.filtersPerSubscribe = self.brokerLimits.filtersPerSubscribe
        engine.publishesPerSecond = self.brokerLimits.publishesPerSecond
        engine.maximumQoS = self.brokerLimits.maximumQoS
        engine.messageLimits = self.brokerLimits.messageLimits
        engine.unclaimedGrace = max(self.unclaimedGrace, .zero)
        engine.resendLimit = self.resendLimit
        engine.unexpectedSession =
            switch self.versioned.unexpectedSession {
            case .refuse: .refuse
            case .startClean: .startClean
            case .adopt: .adopt
            }
        engine.refusesProblemInformation = !self.versioned.requestProblemInformation
        engine.reconnect = self.reconnect
        engine.endpointOrder = self.endpointOrder
        engine.retriesFirstAttempt = self.retriesFirstAttempt
        engine.isDurable = self.sessionStore != nil
        let authenticator = self.versioned.authenticator?.authenticator
        engine.authenticationMethod = authenticator?.method
        engine.credentialsMayChange =
            self.credentials?.mayChange ?? false || authenticator?.credentialsMayChange ?? false
        return engine
    }

    /// What CONNECT carries on 5.0; nothing before.
    private var connectPacketProperties: Properties {
        guard Version.protocolVersion.hasProperties else { return Properties() }
        var properties = Properties()
        if self.versioned.sessionExpiry > 0 { properties.append(.sessionExpiryInterval(self.versioned.sessionExpiry)) }
        if self.versioned.receiveMaximum < .max { properties.append(.receiveMaximum(self.versioned.receiveMaximum)) }
        if let size = self.maximumPacketSize { properties.append(.maximumPacketSize(UInt32(clamping: size))) }
        if !self.versioned.requestProblemInformation { properties.append(.requestProblemInformation(false)) }
        let aliases = self.versioned.topicAliasMaximum
        if aliases > 0 { properties.append(.topicAliasMaximum(aliases)) }
        for property in self.versioned.connectProperties { properties.append(property) }
        if self.versioned.requestResponseInformation { properties.requestResponseInformation = true }
        return properties
    }

    private func check(clientID: String) throws(MQTTError) {
        func require(_ holds: Bool, _ message: String) throws(MQTTError) {
            guard holds else { throw MQTTError(.invalidArgument, message) }
        }
        try require(0...65_535 ~= self.keepAlive.wholeSeconds, "keepAlive must be 0 to 65,535 seconds")
        try require(self.versioned.sessionExpiryIsValid, "sessionExpiry must be 0 to 4,294,967,294 seconds, or nil")
        try require(
            self.maximumPacketSize.map { 1...268_435_460 ~= $0 } ?? true,
            "maximumPacketSize must be 1 to 268,435,460"
        )
        try require(self.inFlightWindow.map { 1...65_535 ~= $0 } ?? true, "inFlightWindow must be 1 to 65,535")
        try require(self.versioned.receiveMaximum != 0, "receiveMaximum must be 1 to 65,535")
        let aliasLimit = self.versioned.outboundTopicAliases.automaticLimit
        try require(aliasLimit != 0, "the limit of automatic topic aliases must be 1 to 65,535")
        try require(self.pendingMessageLimit > 0, "pendingMessageLimit must be positive")
        try require(self.pendingByteLimit > 0, "pendingByteLimit must be positive")
        try require(self.brokerLimits.isValid, "every limit of brokerLimits must be positive")
        try require(self.resendLimit > 0, "resendLimit must be positive")
        try require(self.connectTimeout > .zero, "connectTimeout must be positive")
        try require(self.handshakeTimeout > .zero, "handshakeTimeout must be positive")
        try require(self.pingTimeout > .zero, "pingTimeout must be positive")
        try require(self.versioned.requests.pendingLimit > 0, "requests.pendingLimit must be positive")
        if Version.protocolVersion == .v31 {
            let words = "MQTT 3.1 takes client identifiers of 1 to 23 bytes; this one has \(clientID.utf8.count)"
            try require(1...23 ~= clientID.utf8.count, words)
        }
        let properties = self.versioned.connectProperties
        let isSetElsewhere =
            properties.sessionExpiryInterval != nil || properties.receiveMaximum != nil
            || properties.maximumPacketSize != nil || properties.topicAliasMaximum != nil
            || properties.requestProblemInformation != nil
        let authenticates = properties.authenticationMethod != nil || properties.authenticationData != nil
        let advice = "connectProperties may not carry authentication: set an authenticator instead"
        try require(!authenticates, advice)
        let words = "connectProperties may not carry what has a setting of its own"
        try require(!isSetElsewhere, words)
        if self.sessionStore != nil {
            let words = "a session store needs a clientID of your own, so that the session is found again"
            try require(!self.clientID.isEmpty, words)
        }
    }
}
