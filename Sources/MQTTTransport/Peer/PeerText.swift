// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Something a peer said, short enough for an error and safe to print.
struct PeerText: CustomStringConvertible {
    /// So many bytes are shown.
    static let limit = 200

    /// Without control characters; white space is a single space.
    let description: String

    init(_ bytes: some Collection<UInt8>) {
        self.init(String(decoding: bytes.prefix(4 * Self.limit), as: UTF8.self))
    }

    init(_ text: String) {
        var shown = ""
        for scalar in text.unicodeScalars {
            guard shown.utf8.count < Self.limit else {
                shown += "…"
                break
            }
            switch scalar.properties.generalCategory {
            case .spaceSeparator, .lineSeparator, .paragraphSeparator: Self.appendSpace(to: &shown)
            case .control where "\r\n\t".unicodeScalars.contains(scalar): Self.appendSpace(to: &shown)
            case .control, .format, .surrogate, .privateUse, .unassigned:
                shown += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default: shown.unicodeScalars.append(scalar)
            }
        }
        self.description = shown.hasSuffix(" ") ? String(shown.dropLast()) : shown
    }

    private static func appendSpace(to text: inout String) {
        if !text.isEmpty, !text.hasSuffix(" ") { text += " " }
    }

    var isEmpty: Bool { self.description.isEmpty }
}
