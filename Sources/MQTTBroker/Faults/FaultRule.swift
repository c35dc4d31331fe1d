// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// One thing that goes wrong: what, with which packets, how often.
///
/// ```swift
/// FaultRule(.drop, on: .pubAck, going: .toClient, occurrences: 1...1)
/// FaultRule(.refuse(.notAuthorized), on: .subscribe, clientID: "thermostat")
/// FaultRule(.delay(.milliseconds(200)), probability: 0.1)
/// ```
public struct FaultRule: Hashable, Sendable {
    /// Where a packet goes.
    public enum Direction: Hashable, Sendable, CaseIterable {
        /// From a client to the broker.
        case toBroker
        /// From the broker to a client.
        case toClient
    }

    /// The kinds of packets (MQTT 5.0, 2.1.2).
    public enum PacketKind: Hashable, Sendable, CaseIterable {
        case connect, connAck, publish, pubAck, pubRec, pubRel, pubComp
        case subscribe, subAck, unsubscribe, unsubAck, pingRequest, pingResponse, disconnect, auth
    }

    /// What goes wrong.
    public var action: FaultAction

    /// With which packets; nil is all of them.
    public var kind: PacketKind?

    /// Which way they go.
    public var direction: Direction

    /// On which connection, counted from 1 since the broker started; nil is any.
    public var connection: Int?

    /// Of which client; nil is any.
    ///
    /// A connection has its client's name from its CONNECT on, that packet included; one that the broker gave it from the
    /// CONNACK on.
    public var clientID: String?

    /// With which of the packets that fit, counted from 1 over all connections that fit, since the script was set.
    public var occurrences: ClosedRange<Int>

    /// How likely it is each time, from 0 to 1.
    public var probability: Double

    /// Makes a rule.
    public init(
        _ action: FaultAction,
        on kind: PacketKind? = nil,
        going direction: Direction = .toBroker,
        connection: Int? = nil,
        clientID: String? = nil,
        occurrences: ClosedRange<Int> = 1...Int.max,
        probability: Double = 1
    ) {
        self.action = action
        self.kind = kind
        self.direction = direction
        self.connection = connection
        self.clientID = clientID
        self.occurrences = occurrences
        self.probability = probability
    }
}
