// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A client that is not ours, as a process that ends by itself.
package struct ForeignProgram: Sendable {
    private let process: ChildProcess
    private let folder: TemporaryFolder

    /// Starts a program of the machine, or the Python of the foreign clients with a script of the package's (`"*.py"`).
    package init(_ program: String, _ arguments: [String], from file: String = #filePath) throws {
        self.folder = try TemporaryFolder()
        let output = self.folder.file("output")
        guard program.hasSuffix(".py") else {
            self.process = try ChildProcess(try ChildProcess.find(program), arguments, output: output)
            return
        }
        // Tests/MosquittoFixture/ForeignProgram.swift
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let python = root.appendingPathComponent(".build/foreign-clients/bin/python").path
        guard FileManager.default.isExecutableFile(atPath: python) else {
            throw FixtureError("\(python) is not there; run scripts/setup.sh")
        }
        let script = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent(program).path
        self.process = try ChildProcess(python, [script] + arguments, output: output)
    }

    /// What it has said so far.
    package var output: String { self.folder.read("output") }

    /// Waits for its end; its output, or an error with it.
    @discardableResult
    package func succeed(within limit: Duration = .seconds(120)) async throws -> String {
        let status = try await self.process.end(within: limit)
        defer { self.folder.remove() }
        guard status == 0 else {
            self.process.killGroup()
            let end = status.map { "ended with \($0 >> 8)" } ?? "did not end within \(limit)"
            throw FixtureError("the program \(end):\n\(self.output)")
        }
        return self.output
    }

    /// Waits until it has said something.
    package func says(_ words: String, within limit: Duration = .seconds(60)) async throws {
        let deadline = ContinuousClock.now + limit
        while !self.output.contains(words) {
            guard ContinuousClock.now < deadline, self.process.ended == nil else {
                throw FixtureError("the program does not say \(words):\n\(self.output)")
            }
            try await ChildProcess.tick()
        }
    }
}
