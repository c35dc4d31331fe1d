// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTTWire
import NIOCore
import Testing

@Suite struct PropertiesTests {
    /// Sets one typed property twice and removes it, among others that must stay where they are.
    private func check<Value: Equatable>(
        _ path: WritableKeyPath<Properties, Value?>,
        _ make: (Value) -> Property,
        _ one: Value,
        _ two: Value,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let before = Property.userProperty(name: "before", value: "")
        let after = Property.userProperty(name: "after", value: "")
        var properties: Properties = [before]
        #expect(properties[keyPath: path] == nil, sourceLocation: sourceLocation)
        properties[keyPath: path] = one
        #expect(properties == [before, make(one)], sourceLocation: sourceLocation)
        #expect(properties[keyPath: path] == one, sourceLocation: sourceLocation)
        properties.append(after)
        properties.append(make(one))
        properties[keyPath: path] = two
        #expect(properties == [before, make(two), after], sourceLocation: sourceLocation)
        #expect(properties[keyPath: path] == two, sourceLocation: sourceLocation)
        properties[keyPath: path] = nil
        #expect(properties == [before, after], sourceLocation: sourceLocation)
        properties[keyPath: path] = nil
        #expect(properties == [before, after], sourceLocation: sourceLocation)
    }

    @Test func `setting a property replaces it in place or appends it, and nil removes it`() {
        self.check(\.payloadFormatIndicator, Property.payloadFormatIndicator, .bytes, .utf8)
        self.check(\.messageExpiryInterval, Property.messageExpiryInterval, 0, .max)
        self.check(\.contentType, Property.contentType, "", "text/plain")
        self.check(\.responseTopic, Property.responseTopic, "a", "b")
        self.check(\.correlationData, Property.correlationData, wire(""), wire("01"))
        self.check(\.subscriptionIdentifier, Property.subscriptionIdentifier, 1, 268_435_455)
        self.check(\.sessionExpiryInterval, Property.sessionExpiryInterval, 0, .max)
        self.check(\.assignedClientIdentifier, Property.assignedClientIdentifier, "a", "b")
        self.check(\.serverKeepAlive, Property.serverKeepAlive, 0, .max)
        self.check(\.authenticationMethod, Property.authenticationMethod, "a", "b")
        self.check(\.authenticationData, Property.authenticationData, wire(""), wire("01"))
        self.check(\.requestProblemInformation, Property.requestProblemInformation, true, false)
        self.check(\.willDelayInterval, Property.willDelayInterval, 0, .max)
        self.check(\.requestResponseInformation, Property.requestResponseInformation, true, false)
        self.check(\.responseInformation, Property.responseInformation, "a", "b")
        self.check(\.serverReference, Property.serverReference, "a", "b")
        self.check(\.reasonString, Property.reasonString, "a", "b")
        self.check(\.receiveMaximum, Property.receiveMaximum, 1, .max)
        self.check(\.topicAliasMaximum, Property.topicAliasMaximum, 0, .max)
        self.check(\.topicAlias, Property.topicAlias, 1, .max)
        self.check(\.maximumQoS, Property.maximumQoS, .atMostOnce, .atLeastOnce)
        self.check(\.retainAvailable, Property.retainAvailable, true, false)
        self.check(\.maximumPacketSize, Property.maximumPacketSize, 1, .max)
        self.check(\.wildcardSubscriptionAvailable, Property.wildcardSubscriptionAvailable, true, false)
        self.check(\.subscriptionIdentifierAvailable, Property.subscriptionIdentifierAvailable, true, false)
        self.check(\.sharedSubscriptionAvailable, Property.sharedSubscriptionAvailable, true, false)
    }

    @Test func `user properties keep their order and their repetitions`() {
        var properties: Properties = [.contentType("x")]
        properties.appendUserProperty("b", "1")
        properties.appendUserProperty("a", "2")
        properties.appendUserProperty("b", "1")
        #expect(properties.userProperties.map(\.name) == ["b", "a", "b"])
        #expect(properties.userProperties.map(\.value) == ["1", "2", "1"])
        properties.removeUserProperties()
        #expect(properties == [.contentType("x")])
    }

    @Test func `subscription identifiers are read and set together`() {
        var properties: Properties = [.subscriptionIdentifier(3), .contentType("x"), .subscriptionIdentifier(1)]
        #expect(properties.subscriptionIdentifiers == [3, 1])
        #expect(properties.subscriptionIdentifier == 3)
        properties.subscriptionIdentifiers = [7, 8]
        #expect(properties == [.contentType("x"), .subscriptionIdentifier(7), .subscriptionIdentifier(8)])
        properties.subscriptionIdentifiers = []
        #expect(properties == [.contentType("x")])
    }
}
