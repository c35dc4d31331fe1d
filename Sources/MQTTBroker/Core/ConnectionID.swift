// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A connection, from the moment a listener accepted it; never used again.
struct ConnectionID: Hashable, Sendable {
    let rawValue: UInt64
}
