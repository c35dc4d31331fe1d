// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// What a message looks like on standard output, and an error at the end of standard error.
enum OutputFormat: Sendable, Hashable, ExpressibleByArgument {
    /// The payload and a newline.
    case text
    /// A JSON object per line.
    case jsonl

    init?(argument: String) {
        switch argument {
        case "text": self = .text
        case "jsonl", "json": self = .jsonl
        default: return nil
        }
    }

    static var allValueStrings: [String] { ["text", "jsonl", "json"] }
}
