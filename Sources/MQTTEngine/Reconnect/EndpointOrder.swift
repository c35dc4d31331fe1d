// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// In which order a client with several endpoints tries them.
///
/// When an endpoint cannot be reached or refuses, the next one is tried at once, until each had its turn; only then the client
/// waits, as its ``ReconnectPolicy`` says. When a connection is lost, the client waits as always and tries another endpoint
/// first: the one that was lost comes last.
public struct EndpointOrder: Hashable, Sendable {
    enum Name: Hashable { case inOrder, roundRobin, random }

    let name: Name

    /// From the first one on, each time anew: the first is the one to be at.
    public static let inOrder = Self(name: .inOrder)
    /// On from where the client is, round and round.
    public static let roundRobin = Self(name: .roundRobin)
    /// At random, so that many clients spread.
    public static let random = Self(name: .random)
}
