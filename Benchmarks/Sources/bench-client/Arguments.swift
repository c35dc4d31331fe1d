// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

/// The `key=value` words of the command line.
struct Arguments {
    private let words: [String: String]

    init(_ arguments: some Sequence<String>) {
        var words: [String: String] = [:]
        for argument in arguments {
            let parts = argument.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { words[String(parts[0])] = String(parts[1]) }
        }
        self.words = words
    }

    func text(_ key: String, _ standard: String) -> String { self.words[key] ?? standard }

    func number(_ key: String, _ standard: Int) -> Int { self.words[key].flatMap { Int($0) } ?? standard }
}
