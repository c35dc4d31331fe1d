// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Writes one JSON object in one line.
struct JSONLine {
    private(set) var bytes: [UInt8]
    /// Whether a comma is due.
    private var hasElements = false

    /// Begins an object.
    init() { self.bytes = [UInt8(ascii: "{")] }

    /// Begins an object behind what is in `bytes`.
    init(appendingTo bytes: consuming [UInt8]) {
        self.bytes = bytes
        self.bytes.append(UInt8(ascii: "{"))
    }

    /// The object as it stands, closed.
    var text: String { String(decoding: self.bytes + [UInt8(ascii: "}")], as: UTF8.self) }

    mutating func add(_ key: String, _ value: String) {
        self.key(key)
        Self.append(value, to: &self.bytes)
    }

    mutating func add(_ key: String, _ value: Int) {
        self.key(key)
        self.bytes.append(contentsOf: String(value).utf8)
    }

    /// Adds a value that is written by `body` with the help of ``append(_:to:)``.
    mutating func add(_ key: String, _ body: (inout [UInt8]) -> Void) {
        self.key(key)
        body(&self.bytes)
    }

    mutating func add(_ key: String, _ values: [String]) {
        self.add(key) { bytes in Self.appendArray(values, to: &bytes) { Self.append($0, to: &$1) } }
    }

    mutating func add(_ key: String, pairs: [(name: String, value: String)]) {
        self.add(key) { bytes in
            Self.appendArray(pairs, to: &bytes) {
                Self.appendArray([$0.name, $0.value], to: &$1) { Self.append($0, to: &$1) }
            }
        }
    }

    /// Adds an object of its own.
    mutating func add(_ key: String, object body: (inout JSONLine) -> Void) {
        self.key(key)
        var object = JSONLine(appendingTo: self.bytes.taken())
        body(&object)
        object.close()
        self.bytes = object.bytes
    }

    /// Ends the object.
    mutating func close() { self.bytes.append(UInt8(ascii: "}")) }

    private mutating func key(_ key: String) {
        if self.hasElements { self.bytes.append(UInt8(ascii: ",")) }
        self.hasElements = true
        Self.append(key, to: &self.bytes)
        self.bytes.append(UInt8(ascii: ":"))
    }

    private static func appendArray<Element>(
        _ elements: [Element],
        to bytes: inout [UInt8],
        _ append: (Element, inout [UInt8]) -> Void
    ) {
        bytes.append(UInt8(ascii: "["))
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(element, &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    /// Appends a string with its quotation marks.
    static func append(_ text: String, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { self.append(utf8: UnsafeRawBufferPointer($0), to: &bytes) }
    }

    /// Appends UTF-8 as a string with its quotation marks (RFC 8259, section 7).
    static func append(utf8: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
        bytes.reserveCapacity(bytes.count + utf8.count + 2)
        bytes.append(UInt8(ascii: "\""))
        for byte in utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case UInt8(ascii: "\n"): bytes.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\r"): bytes.append(contentsOf: "\\r".utf8)
            case UInt8(ascii: "\t"): bytes.append(contentsOf: "\\t".utf8)
            case ..<0x20, 0x7F:
                bytes.append(contentsOf: "\\u00".utf8)
                Hexadecimal.append(byte, to: &bytes)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

extension [UInt8] {
    /// Moves the bytes out, so that what is appended to them copies nothing.
    mutating func taken() -> [UInt8] {
        var bytes: [UInt8] = []
        swap(&self, &bytes)
        return bytes
    }
}
