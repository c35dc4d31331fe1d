// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The MQTT 5.0 properties of one packet, in the order they are sent or were received.
///
/// Empty before 5.0. Setting a property replaces its value where it stands, or appends it; setting nil removes it.
public struct Properties: Hashable, Sendable, ExpressibleByArrayLiteral {
    /// nil instead of empty: then a copy of a packet without properties touches no reference count.
    private var list: [Property]?

    /// Makes an empty list, which costs nothing.
    public init() { self.list = nil }

    /// Makes a list that keeps the order given.
    public init(_ list: [Property]) { self.list = list.isEmpty ? nil : list }

    /// Makes a list that keeps the order given.
    public init(arrayLiteral elements: Property...) { self.init(elements) }

    /// Appends a property, whether or not one of its kind is there.
    public mutating func append(_ property: Property) {
        var list = self.list.take() ?? []
        list.append(property)
        self.list = list
    }

    /// Puts a property where the first of its kind stands, or at the end, and removes all others of its kind.
    mutating func set(_ id: PropertyID, _ property: Property?) {
        var list = self.list ?? []
        let place = list.firstIndex { $0.id == id }
        list.removeAll { $0.id == id }
        if let property { list.insert(property, at: place ?? list.endIndex) }
        self.list = list.isEmpty ? nil : list
    }
}

extension Properties: RandomAccessCollection {
    /// The position of the first property.
    public var startIndex: Int { 0 }

    /// The position behind the last property.
    public var endIndex: Int { self.list?.count ?? 0 }

    /// Whether there is none.
    public var isEmpty: Bool { self.list == nil }

    /// The property at a position.
    public subscript(position: Int) -> Property {
        guard let list = self.list else { preconditionFailure("There are no properties") }
        return list[position]
    }
}
