// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// User names and passwords by SASLprep (RFC 4013), without normalisation and without the rules for text in both directions.
package enum PreparedText {
    /// Prepares text.
    ///
    /// - Throws: ``SCRAMError`` with code `invalidCredentials` for a character that may not be in it; the error does not show
    ///   the text.
    package static func prepare(_ text: String, _ what: String) throws(SCRAMError) -> String {
        var prepared = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if Self.isSpace(scalar.value) {
                prepared.append(" ")
            } else if !Self.isUnseen(scalar.value) {
                guard !Self.isProhibited(scalar.value) else {
                    throw SCRAMError(.invalidCredentials, "the \(what) has a character that SASLprep does not allow")
                }
                prepared.append(scalar)
            }
        }
        return String(prepared)
    }

    /// Spaces beyond ASCII (RFC 3454, C.1.2).
    private static func isSpace(_ value: UInt32) -> Bool {
        switch value {
        case 0x00A0, 0x1680, 0x2000...0x200B, 0x202F, 0x205F, 0x3000: true
        default: false
        }
    }

    /// Commonly mapped to nothing (RFC 3454, B.1).
    private static func isUnseen(_ value: UInt32) -> Bool {
        switch value {
        case 0x00AD, 0x034F, 0x1806, 0x180B...0x180D, 0x200C...0x200D, 0x2060, 0xFE00...0xFE0F, 0xFEFF: true
        default: false
        }
    }

    /// RFC 3454, C.2 to C.9.
    private static func isProhibited(_ value: UInt32) -> Bool {
        switch value {
        // Control characters.
        case 0...0x1F, 0x7F...0x9F, 0x06DD, 0x070F, 0x180E, 0x2028...0x2029, 0x2061...0x2063, 0x1D173...0x1D17A: true
        // Private use.
        case 0xE000...0xF8FF, 0xF0000...0xFFFFD, 0x100000...0x10FFFD: true
        // No characters.
        case 0xFDD0...0xFDEF: true
        case _ where value & 0xFFFE == 0xFFFE: true
        // Not for plain text, descriptions of characters.
        case 0xFFF9...0xFFFD, 0x2FF0...0x2FFB: true
        // Change how other text is shown.
        case 0x0340...0x0341, 0x200E...0x200F, 0x202A...0x202E, 0x206A...0x206F: true
        // Tags.
        case 0xE0001, 0xE0020...0xE007F: true
        default: false
        }
    }
}
