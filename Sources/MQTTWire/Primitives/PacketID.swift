// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A packet identifier: 1 to 65,535 (MQTT 5.0, 2.2.1).
package struct PacketID: Hashable, Sendable, CustomStringConvertible {
    /// The number on the wire, never 0.
    package let rawValue: UInt16

    /// Makes an identifier of a number from the wire; nil for 0, which the standard forbids.
    @inlinable
    package init?(_ rawValue: UInt16) {
        guard rawValue != 0 else { return nil }
        self.rawValue = rawValue
    }

    private init(unchecked rawValue: UInt16) { self.rawValue = rawValue }

    /// The first identifier of a session.
    package static let first = PacketID(unchecked: 1)

    /// The next identifier; 1 follows 65,535.
    package var next: PacketID { PacketID(unchecked: self.rawValue == .max ? 1 : self.rawValue + 1) }

    /// How many steps of ``next`` lead from `other` to this one: 0 to 65,534.
    package func distance(from other: PacketID) -> Int {
        let steps = Int(self.rawValue) - Int(other.rawValue)
        return steps < 0 ? steps + 65_535 : steps
    }

    /// The identifier `steps` steps of ``next`` further.
    package func advanced(by steps: Int) -> PacketID {
        PacketID(unchecked: UInt16((Int(self.rawValue) - 1 + steps) % 65_535 + 1))
    }

    package var description: String { String(self.rawValue) }
}
