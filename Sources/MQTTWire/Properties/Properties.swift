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

    mutating func reserveCapacity(_ count: Int) { self.list.reserveCapacity(count) }

    /// Puts a property where the first of its kind stands, or at the end, and removes all others of its kind.
    mutating func set(_ id: PropertyID, _ property: Property?) {
        let place = self.list.firstIndex { $0.id == id }
        self.list.removeAll { $0.id == id }
        guard let property else { return }
        self.list.insert(property, at: place ?? self.list.endIndex)
    }
}

extension Properties: RandomAccessCollection {
    /// The position of the first property.
    public var startIndex: Int { 0 }

    /// The position behind the last property.
    public var endIndex: Int { self.list.count }

    /// The property at a position.
    public subscript(position: Int) -> Property { self.list[position] }
}
