// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The words of a peer for an error: short, printable, without what it was told in confidence.
///
/// A server may send back what it gets, credentials included.
struct Secrets: Hashable, Sendable {
    /// How many characters of a peer are shown.
    static let limit = 200

    private static let notice = "words that repeat the credentials and are not shown"

    /// What is cut off is one, too: that much of the beginning is enough to know it by.
    private static let beginning = 16

    /// Less than that is in every other text by chance, and would hide it.
    private static let shortest = 4

    private let secrets: Hidden<[[UInt8]]>

    init(_ secrets: [String] = []) {
        let kept = secrets.filter { $0.utf8.count >= Self.shortest }
        self.secrets = Hidden(kept.map { Array($0.utf8.prefix(Self.beginning)) })
    }

    /// The beginning of a text, without quotation marks.
    func text(_ bytes: some Collection<UInt8>) -> String {
        self.areIn(Array(bytes)) ? Self.notice : PeerText(bytes).description
    }

    /// The bytes in quotation marks, control characters and all beyond ASCII escaped.
    func quote(_ bytes: some Sequence<UInt8>) -> String {
        let bytes = Array(bytes)
        guard !self.areIn(bytes) else { return Self.notice }
        var text = ""
        for byte in bytes {
            guard text.utf8.count < Self.limit else {
                text += "…"
                break
            }
            switch byte {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): text += "\\\(Character(Unicode.Scalar(byte)))"
            case UInt8(ascii: "\r"): text += "\\r"
            case UInt8(ascii: "\n"): text += "\\n"
            case UInt8(ascii: "\t"): text += "\\t"
            case 0x20...0x7E: text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += "\\x\(byte < 16 ? "0" : "")\(String(byte, radix: 16))"
            }
        }
        return "\"\(text)\""
    }

    /// The same for words that have no need of quotation marks, such as a reason phrase.
    func plain(_ bytes: some Sequence<UInt8>) -> String {
        let quoted = self.quote(bytes)
        return quoted.hasPrefix("\"") ? String(quoted.dropFirst().dropLast()) : quoted
    }

    /// Whether one of them is in the bytes.
    func areIn(_ bytes: [UInt8]) -> Bool {
        self.secrets.value.contains { secret in
            guard let first = secret.first, bytes.count >= secret.count else { return false }
            return bytes.indices.dropLast(secret.count - 1).contains { start in
                bytes[start] == first && bytes[start..<(start + secret.count)].elementsEqual(secret)
            }
        }
    }
}
