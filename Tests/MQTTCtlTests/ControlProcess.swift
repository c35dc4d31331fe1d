// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import MosquittoFixture
import Testing

/// The program under test as a process of its own.
final class ControlProcess: Sendable {
    private let process: ChildProcess
    private let folder: TemporaryFolder

    /// Next to the bundle of the tests.
    static let program = path(of: "mqttctl")

    /// The path of a product of the package.
    static func path(of name: String) -> String {
        let bundle = CommandLine.arguments.lazy.filter { $0.contains(".xctest") }.first ?? CommandLine.arguments[0]
        let folder = URL(fileURLWithPath: bundle.components(separatedBy: ".xctest")[0]).deletingLastPathComponent()
        return folder.appendingPathComponent(name).path
    }

    /// Starts it; its input is what is given, or nothing.
    init(
        _ arguments: [String],
        program: String = ControlProcess.program,
        input: [UInt8]? = nil,
        descriptor given: Int32? = nil,
        output: String? = nil
    ) throws {
        self.folder = try TemporaryFolder()
        var descriptor: Int32?
        if let input {
            try Data(input).write(to: URL(fileURLWithPath: self.folder.file("input")))
            descriptor = open(self.folder.file("input"), O_RDONLY | O_CLOEXEC)
        }
        defer { if let descriptor { close(descriptor) } }
        self.process = try ChildProcess(
            program,
            arguments,
            input: given ?? descriptor,
            output: output ?? self.folder.file("output"),
            errors: self.folder.file("errors")
        )
    }

    deinit {
        self.process.send(SIGKILL)
        self.folder.remove()
        Task { [process] in _ = try? await process.end(within: .seconds(10)) }
    }

    var output: [UInt8] { Array(FileManager.default.contents(atPath: self.folder.file("output")) ?? Data()) }

    var text: String { String(decoding: self.output, as: UTF8.self) }

    var errors: String { self.folder.read("errors") }

    func send(_ signal: Int32) { self.process.send(signal) }

    /// Its exit status.
    func status() async throws -> Int32 {
        let raw = try #require(try await self.process.end(within: .seconds(180)), "it does not end: \(self.errors)")
        return raw & 0x7F == 0 ? raw >> 8 & 0xFF : -(raw & 0x7F)
    }

    /// Waits until it has said something.
    func says(_ words: String) async throws {
        try await self.wait { self.errors.contains(words) }
    }

    /// Waits until it has printed something.
    func prints(_ words: String) async throws {
        try await self.wait { self.text.contains(words) }
    }

    private func wait(until condition: () -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while !condition() {
            if ContinuousClock.now > deadline {
                throw FixtureError("it never came; errors: \(self.errors), output: \(self.text.prefix(1_000))")
            }
            try await ChildProcess.tick()
        }
    }

    /// Runs it to its end.
    static func run(
        _ arguments: [String],
        input: [UInt8]? = nil
    ) async throws -> (status: Int32, text: String, errors: String) {
        let process = try ControlProcess(arguments, input: input)
        let status = try await process.status()
        return (status, process.text, process.errors)
    }
}
