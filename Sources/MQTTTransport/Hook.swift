// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A function of the user's in a value that can be compared: each one equals only itself.
final class Hook<Function: Sendable>: Sendable, Hashable {
    let call: Function

    init(_ call: Function) { self.call = call }

    static func == (left: Hook, right: Hook) -> Bool { left === right }

    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
