// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Testing

@testable import mqttctl

/// docs/MQTTCTL.md says what the program does.
@Suite struct DocumentationTests {
    private static func text() throws -> String {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let file = tests.appendingPathComponent("../../docs/MQTTCTL.md").standardizedFileURL
        return try String(contentsOf: file, encoding: .utf8)
    }

    @Test(
        arguments: [
            (PublishCommand.helpMessage(columns: 200), 40), (SubscribeCommand.helpMessage(columns: 200), 40),
            (BrokerCommand.helpMessage(columns: 200), 7),
        ]
    )
    func `every option of the help is in the document`(help: String, least: Int) throws {
        let text = try Self.text()
        var count = 0
        for line in help.split(separator: "\n") where line.hasPrefix("  -") {
            // "-h, --host <host>  The broker's …"
            let words = line.split(separator: " ").prefix { $0.hasPrefix("-") }
            let names = words.map { $0.filter { $0 != "," } }
            guard !names.contains("--help"), !names.contains("--version") else { continue }
            count += 1
            #expect(names.contains { Self.isNamed($0, in: text) }, "\(names)")
        }
        #expect(count > least)
    }

    /// As a word: not as the beginning of another option.
    private static func isNamed(_ name: String, in text: String) -> Bool {
        text.ranges(of: name).contains { range in
            let next = text[range.upperBound...].first
            return next.map { !$0.isLetter && $0 != "-" } ?? true
        }
    }

    @Test func `every exit status has its row, and every stage is listed`() throws {
        let text = try Self.text()
        for status in ExitClass.allCases where ![.interrupted, .terminated].contains(status) {
            #expect(text.contains("\n| \(status.rawValue) | "))
        }
        #expect(text.contains("\n| 130, 143 | "))
        let stages = Failure.Stage.allCases.map(\.rawValue).joined(separator: " ")
        #expect(text.contains("of `\(stages)`."))
    }
}
