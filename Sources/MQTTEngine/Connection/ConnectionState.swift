// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// What lives as long as one connection and is thrown away whole with it.
package struct ConnectionState: Sendable {
    package var limits: NegotiatedLimits
    package var keepAlive: KeepAlive
    package let since: Instant
    package let connected: Connected

    init(connected: Connected, keepAlive: KeepAlive, since: Instant) {
        self.limits = connected.limits
        self.connected = connected
        self.keepAlive = keepAlive
        self.since = since
    }
}
