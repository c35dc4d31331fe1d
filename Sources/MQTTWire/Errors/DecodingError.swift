// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Why bytes from the peer are not a legal packet.
package struct DecodingError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What a 5.0 DISCONNECT says about it: malformed packet, protocol error, packet too large, topic alias invalid.
    package let reason: ReasonCode
    /// What was wrong, for a person, without any content of the packet.
    package let message: String

    package init(_ reason: ReasonCode, _ message: String) {
        self.reason = reason
        self.message = message
    }

    package var description: String { "\(self.message) (\(self.reason))" }
}
