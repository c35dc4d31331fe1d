// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The header fields of an HTTP request, in their order; names are compared without regard to case.
///
/// ```swift
/// var headers: WebSocketHeaders = ["Authorization": "Bearer \(token)"]
/// headers.set("https://app.example.com", for: "Origin")
/// ```
///
/// The values may be secrets and do not appear in descriptions.
public struct WebSocketHeaders: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    struct Field: Hashable {
        let name: String
        let value: String
        let key: String

        init(name: String, value: String) {
            self.name = name
            self.value = value
            self.key = name.lowercased()
        }

        static func == (left: Self, right: Self) -> Bool { left.key == right.key && left.value == right.value }

        func hash(into hasher: inout Hasher) {
            hasher.combine(self.key)
            hasher.combine(self.value)
        }
    }

    private(set) var fields: [Field] = []

    /// Makes no header fields.
    public init() {}

    /// Makes the fields of the literal, in its order; a name may be there several times.
    public init(dictionaryLiteral elements: (String, String)...) {
        self.fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    /// The names, in the order of the fields; one that has several values is there several times.
    public var names: [String] { self.fields.map(\.name) }

    /// The values of a name, in their order.
    public func values(for name: String) -> [String] {
        let key = name.lowercased()
        return self.fields.compactMap { $0.key == key ? $0.value : nil }
    }

    /// Adds a field behind the others, whether or not there is one of that name.
    public mutating func add(_ value: String, for name: String) {
        self.fields.append(Field(name: name, value: value))
    }

    /// Replaces all fields of that name by one, which takes the place of the first, or adds it.
    public mutating func set(_ value: String, for name: String) {
        let field = Field(name: name, value: value)
        guard let index = self.fields.firstIndex(where: { $0.key == field.key }) else {
            self.fields.append(field)
            return
        }
        self.fields[index] = field
        let first = self.fields[...index]
        self.fields = first + self.fields[(index + 1)...].filter { $0.key != field.key }
    }

    /// Removes all fields of that name.
    public mutating func remove(_ name: String) {
        let key = name.lowercased()
        self.fields.removeAll { $0.key == key }
    }

    /// Replaces the fields of the names of `others` by those of `others`.
    mutating func merge(_ others: WebSocketHeaders) {
        let keys = Set(others.fields.map(\.key))
        self.fields.removeAll { keys.contains($0.key) }
        self.fields += others.fields
    }
}

extension WebSocketHeaders: CustomStringConvertible, CustomReflectable {
    /// The names of the fields, without their values.
    public var description: String { "[\(self.names.map(\.debugDescription).joined(separator: ", "))]" }

    /// The names of the fields, without their values.
    public var customMirror: Mirror { Mirror(self, children: ["names": self.names]) }
}

extension WebSocketHeaders {
    /// Servers refuse far less.
    private static let limit = 65_536

    /// What is wrong with a field, if anything; it names no value.
    var objection: String? {
        var size = 0
        for field in self.fields {
            let name = String(field.name.prefix(60)).debugDescription
            guard !field.name.isEmpty, field.name.utf8.allSatisfy(Self.isTokenByte) else {
                return "the name \(name) is no name of an HTTP header; use letters, digits and '-'"
            }
            guard field.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                return "the value of \(name) holds a line break or another control character"
            }
            if Self.forbidden.contains(field.key) {
                return "\(name) cannot be sent: the request has no body, and no extension of WebSocket is known here"
            }
            size += field.name.utf8.count + field.value.utf8.count + 4
        }
        return size > Self.limit ? "the headers are longer than \(Self.limit) bytes" : nil
    }

    /// Of a message with a body, or of what the frames could not keep.
    private static let forbidden: Set = ["content-length", "transfer-encoding", "trailer", "sec-websocket-extensions"]

    /// RFC 9110, 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
