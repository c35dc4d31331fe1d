// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

package import MQTTWire

/// A subscription the user asks for: one or more filters whose messages arrive in one place.
package struct SubscribeRequest: Hashable, Sendable {
    package struct Filter: Hashable, Sendable {
        package var filter: TopicFilter
        package var options: SubscriptionOptions

        package init(_ filter: TopicFilter, options: SubscriptionOptions) {
            self.filter = filter
            self.options = options
        }
    }

    package var id: SubscriptionID
    package var filters: [Filter]
    /// The subscription identifier, 5.0 only.
    package var identifier: UInt32?
    /// Further properties of SUBSCRIBE: user properties, 5.0 only.
    package var properties: Properties
    /// Whether messages are acknowledged on hand-over or by hand, not on arrival.
    package var acknowledgesLater: Bool

    package init(
        id: SubscriptionID,
        filters: [Filter],
        identifier: UInt32? = nil,
        properties: Properties = Properties(),
        acknowledgesLater: Bool
    ) {
        self.properties = properties
        self.id = id
        self.filters = filters
        self.identifier = identifier
        self.acknowledgesLater = acknowledgesLater
    }
}

extension Properties {
    /// At most so many bytes are taken by user properties in a packet.
    var userPropertiesSize: Int {
        self.isEmpty ? 0 : self.userProperties.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 5 }
    }
}
