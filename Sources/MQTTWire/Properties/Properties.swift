// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The MQTT 5.0 properties of one packet, in the order they are sent or were received.
///
/// Empty before 5.0. Setting a property replaces its value where it stands, or appends it; setting nil removes it.
public struct Properties: Hashable, Sendable, ExpressibleByArrayLiteral {
    private var list: [Property]

    /// Makes an empty list, which costs nothing.
    public init() { self.list = [] }

    /// Makes a list that keeps the order given.
    public init(_ list: [Property]) { self.list = list }

    /// Makes a list that keeps the order given.
    public init(arrayLiteral elements: Property...) { self.list = elements }

    /// Appends a property, whether or not one of its kind is there.
    public mutating func append(_ property: Property) { self.list.append(property) }
}

extension Properties: RandomAccessCollection {
    /// The position of the first property.
    public var startIndex: Int { 0 }

    /// The position behind the last property.
    public var endIndex: Int { self.list.count }

    /// The property at a position.
    public subscript(position: Int) -> Property { self.list[position] }
}
