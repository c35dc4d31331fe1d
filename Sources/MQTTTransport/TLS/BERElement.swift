// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// A value in ASN.1's basic encoding, of which DER, in which certificates are, is a part (X.690).
///
/// Just enough to look for something in a certificate or a PKCS#12 file; what it cannot read is nil.
struct BERElement {
    static let sequence: UInt8 = 0x30
    static let objectIdentifier: UInt8 = 0x06

    /// The identifier octet: class, whether there are elements inside, and number.
    let tag: UInt8
    let contents: ArraySlice<UInt8>

    private static let depthLimit = 16

    /// The one element that `bytes` begin with.
    init?(_ bytes: some Collection<UInt8>) {
        var rest = ArraySlice(bytes)
        guard let element = Self(readingFrom: &rest, depth: 0) else { return nil }
        self = element
    }

    private init?(readingFrom rest: inout ArraySlice<UInt8>, depth: Int) {
        guard depth < Self.depthLimit, let tag = rest.popFirst(), tag & 0x1F != 0x1F, let first = rest.popFirst() else {
            return nil
        }
        self.tag = tag
        guard first != 0x80 else {
            guard let contents = Self.untilEnd(&rest, of: tag, depth: depth) else { return nil }
            self.contents = contents
            return
        }
        var length = Int(first)
        if first > 0x80 {
            guard first <= 0x84, rest.count >= Int(first & 0x7F) else { return nil }
            length = rest.prefix(Int(first & 0x7F)).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(Int(first & 0x7F))
        }
        guard length <= rest.count else { return nil }
        self.contents = rest.prefix(length)
        rest = rest.dropFirst(length)
    }

    /// The contents of an element without a length, which end with two zeros.
    private static func untilEnd(
        _ rest: inout ArraySlice<UInt8>,
        of tag: UInt8,
        depth: Int
    ) -> ArraySlice<UInt8>? {
        guard tag & 0x20 != 0 else { return nil }
        let start = rest
        while !rest.starts(with: [0, 0]) {
            guard Self(readingFrom: &rest, depth: depth + 1) != nil else { return nil }
        }
        let contents = start[..<rest.startIndex]
        rest = rest.dropFirst(2)
        return contents
    }

    /// The elements inside.
    var children: [BERElement]? {
        guard self.tag & 0x20 != 0 else { return nil }
        return Self.elements(of: self.contents)
    }

    /// The elements inside, if this is a sequence.
    var sequence: [BERElement]? { self.tag == Self.sequence ? self.children : nil }

    private static func elements(of bytes: ArraySlice<UInt8>) -> [BERElement]? {
        var rest = bytes
        var elements: [BERElement] = []
        while !rest.isEmpty {
            guard let element = Self(readingFrom: &rest, depth: 0) else { return nil }
            elements.append(element)
        }
        return elements
    }

    /// The bytes of an octet string, which may come in pieces.
    var octets: [UInt8]? { self.octets(depth: 0) }

    private func octets(depth: Int) -> [UInt8]? {
        switch self.tag {
        case 0x04:
            return Array(self.contents)
        case 0x24:
            guard depth < Self.depthLimit, let pieces = self.children else { return nil }
            var bytes: [UInt8] = []
            for piece in pieces {
                guard let more = piece.octets(depth: depth + 1) else { return nil }
                bytes += more
            }
            return bytes
        default:
            return nil
        }
    }

    /// Whether this is the object identifier with these contents.
    func isIdentifier(_ contents: [UInt8]) -> Bool {
        self.tag == Self.objectIdentifier && self.contents.elementsEqual(contents)
    }
}
