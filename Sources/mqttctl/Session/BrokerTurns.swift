// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import MQTT

/// Which of several brokers is tried: in order, and the one that was lost last.
///
/// The client says with which broker a connection stands, but not which one an attempt failed with. What is known is the
/// order, ``EndpointOrder/inOrder``, in which each has its turn.
struct BrokerTurns {
    private let endpoints: [Endpoint]
    private var order: [Endpoint]
    private var position = 0
    private var connection: Endpoint?

    /// At least one.
    init(_ endpoints: [Endpoint]) {
        self.endpoints = endpoints
        self.order = endpoints
    }

    /// The one that is connected to, or tried.
    var current: Endpoint { self.connection ?? self.order[self.position] }

    /// The last one of a round.
    var last: Endpoint { self.order[self.order.count - 1] }

    /// Whether an error has to say which broker it is of.
    var areSeveral: Bool { self.endpoints.count > 1 }

    /// Whether some have failed and others have their turn at once.
    var isWithinRound: Bool { self.connection == nil && self.position > 0 }

    /// A connection stands.
    mutating func connected(to endpoint: Endpoint?) { self.connection = endpoint ?? self.current }

    /// The connection was lost, or the attempt failed; returns whose it was.
    mutating func failed() -> Endpoint {
        let failed = self.current
        if self.connection != nil {
            self.connection = nil
            self.order = self.endpoints.filter { $0 != failed } + self.endpoints.filter { $0 == failed }
            self.position = 0
        } else {
            self.position = (self.position + 1) % self.order.count
        }
        return failed
    }
}
