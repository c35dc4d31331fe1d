// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A domain name as it is compared: its labels, each behind its length, in lower case.
struct DNSName: Hashable {
    /// RFC 1035, 2.3.4; the final, empty label counts.
    static let maximumLength = 255

    let bytes: [UInt8]

    fileprivate init(bytes: [UInt8]) { self.bytes = bytes }

    /// The name of a text without escapes, whose labels are 1 to 63 bytes long; nil when it is none.
    init?(_ text: String) {
        var bytes: [UInt8] = []
        for label in text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
            guard 1...63 ~= label.count else { return nil }
            bytes.append(UInt8(label.count))
            bytes += label.map(Self.lowercased)
        }
        guard bytes.count + 1 <= Self.maximumLength else { return nil }
        self.bytes = bytes
    }

    /// The name as text, empty for the root; nil when it cannot be that of a host.
    var hostName: String? {
        var labels: [Substring] = []
        var rest = self.bytes[...]
        while let length = rest.popFirst() {
            let label = rest.prefix(Int(length))
            guard label.allSatisfy(Self.isOfHostNames) else { return nil }
            labels.append(Substring(decoding: label, as: UTF8.self))
            rest = rest.dropFirst(Int(length))
        }
        return labels.joined(separator: ".")
    }

    /// Letters, digits, the hyphen, and the underscore, which some have in names of hosts.
    static func isOfHostNames(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    fileprivate static func lowercased(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }
}

/// Reads the parts of a DNS message (RFC 1035, 4.1).
struct DNSReader {
    private let bytes: [UInt8]
    /// Of the next byte to read.
    var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func skip(_ count: Int) throws(ServiceAnswer.Malformed) { self.position = try self.end(ofLength: count) }

    /// The position behind so many bytes, which are there.
    func end(ofLength count: Int) throws(ServiceAnswer.Malformed) -> Int {
        guard count <= self.bytes.count - self.position else { throw ServiceAnswer.Malformed("it ends too early") }
        return self.position + count
    }

    mutating func uint16() throws(ServiceAnswer.Malformed) -> UInt16 {
        let end = try self.end(ofLength: 2)
        defer { self.position = end }
        return UInt16(self.bytes[self.position]) << 8 | UInt16(self.bytes[self.position + 1])
    }

    /// A name that ends where the contents of a record do.
    mutating func name(within end: Int) throws(ServiceAnswer.Malformed) -> DNSName {
        let name = try self.name()
        guard self.position == end else { throw ServiceAnswer.Malformed("a record has a wrong length") }
        return name
    }

    /// A name, perhaps compressed (RFC 1035, 4.1.4).
    mutating func name() throws(ServiceAnswer.Malformed) -> DNSName {
        var name: [UInt8] = []
        var cursor = self.position
        // What is pointed to lies before what points to it, so that following pointers ends.
        var limit = self.position
        var end: Int?
        var jumps = 0
        while true {
            guard cursor < self.bytes.count else { throw ServiceAnswer.Malformed("a name ends too early") }
            let length = Int(self.bytes[cursor])
            switch length {
            case 0:
                self.position = end ?? cursor + 1
                return DNSName(bytes: name)
            case 1...63:
                guard cursor + length < self.bytes.count else {
                    throw ServiceAnswer.Malformed("a name ends too early")
                }
                guard name.count + length + 2 <= DNSName.maximumLength else {
                    throw ServiceAnswer.Malformed("a name is longer than 255 bytes")
                }
                name.append(UInt8(length))
                name += self.bytes[cursor + 1...cursor + length].lazy.map(DNSName.lowercased)
                cursor += length + 1
            case 0xC0...:
                guard cursor + 1 < self.bytes.count else { throw ServiceAnswer.Malformed("a name ends too early") }
                let target = (length & 0x3F) << 8 | Int(self.bytes[cursor + 1])
                guard target < limit else { throw ServiceAnswer.Malformed("a name points to itself or behind itself") }
                // More than a name can have labels.
                jumps += 1
                guard jumps < 128 else { throw ServiceAnswer.Malformed("a name is in too many pieces") }
                end = end ?? cursor + 2
                (cursor, limit) = (target, target)
            default:
                throw ServiceAnswer.Malformed("a name has a label of an unknown kind")
            }
        }
    }
}
