// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

public import MQTTWire

/// What the server answered to the end of a subscription.
public struct UnsubscribeOutcome: Hashable, Sendable {
    /// One reason code for each filter the server was asked to forget; empty before 5.0, and when it was not asked.
    ///
    /// Filters that another subscription of the client uses are not among them.
    public var reasons: [ReasonCode] = []

    /// The properties of the answer.
    public var properties = Properties()
}
