// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Where a message goes.
///
/// One subscription is by far the most frequent answer and costs no array.
package enum Route: Hashable, Sendable {
    case nobody
    case one(Destination)
    case many([Destination])

    package var isNobody: Bool { if case .nobody = self { true } else { false } }

    /// How many of the subscriptions acknowledge the message themselves.
    package var acknowledgers: Int {
        switch self {
        case .nobody: 0
        case .one(let destination): destination.acknowledgesLater ? 1 : 0
        case .many(let destinations): destinations.count { $0.acknowledgesLater }
        }
    }
}

extension Route {
    /// The shortest form of some destinations.
    init(_ destinations: [Destination]) {
        switch destinations.count {
        case 0: self = .nobody
        case 1: self = .one(destinations[0])
        default: self = .many(destinations)
        }
    }

    var destinations: [Destination] {
        switch self {
        case .nobody: []
        case .one(let destination): [destination]
        case .many(let destinations): destinations
        }
    }
}

/// One subscription a message goes to.
package struct Destination: Hashable, Sendable {
    package var subscription: SubscriptionID
    /// Which of the subscription's filters matched, by its position.
    package var filter: UInt16
    /// Whether the message is acknowledged on hand-over or by hand, not on arrival.
    package var acknowledgesLater: Bool

    package init(subscription: SubscriptionID, filter: UInt16, acknowledgesLater: Bool) {
        self.subscription = subscription
        self.filter = filter
        self.acknowledgesLater = acknowledgesLater
    }
}
