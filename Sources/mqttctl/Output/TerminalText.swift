// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// Text as it may be shown on a terminal: whoever publishes does not control it.
enum TerminalText {
    /// As many bytes of what is no text are shown.
    private static let dumped = 64

    /// Appends text with its control characters made visible, or the beginning of what is no text as a dump.
    static func append(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            self.appendDump(bytes, to: &output)
            return
        }
        self.append(text, to: &output)
    }

    /// Appends text with its control characters made visible.
    static func append(_ text: String, to output: inout [UInt8]) {
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x09, 0x0A:
                output.append(UInt8(scalar.value))
            case ..<0x20, 0x7F...0x9F:
                output.append(contentsOf: "\\x".utf8)
                Hexadecimal.append(UInt8(scalar.value), to: &output)
            // Characters that turn the direction of what follows, so that it reads as something else.
            case 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069:
                output.append(contentsOf: "\\u{\(String(scalar.value, radix: 16))}".utf8)
            default:
                output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
    }

    private static func appendDump(_ bytes: UnsafeRawBufferPointer, to output: inout [UInt8]) {
        for byte in bytes.prefix(self.dumped) {
            Hexadecimal.append(byte, to: &output)
            output.append(UInt8(ascii: " "))
        }
        if bytes.count > self.dumped { output.append(contentsOf: "... ".utf8) }
        output.append(contentsOf: "(\(bytes.count) bytes)".utf8)
    }
}
