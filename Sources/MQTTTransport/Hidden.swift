// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A secret that takes part in comparisons and never in descriptions, reflection included.
package struct Hidden<Value: Hashable & Sendable>: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    package var value: Value

    package init(_ value: Value) { self.value = value }

    package var description: String { "(hidden)" }

    package var customMirror: Mirror { Mirror(self, children: []) }
}
