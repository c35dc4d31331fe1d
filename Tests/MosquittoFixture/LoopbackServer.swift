// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// A program that listens on one port of 127.0.0.1, the same across restarts; it ends with the process of the tests.
///
/// Start, stop and restart belong to one task at a time.
final class LoopbackServer: Sendable {
    let port: Int
    var log: String { self.folder.read(LoopbackServer.logFile) }

    private static let logFile = "server.log"

    private let program: String
    private let arguments: [String]
    private let folder: TemporaryFolder
    private let process = Mutex<BrokerProcess?>(nil)

    private init(_ program: String, _ arguments: [String], port: Int, folder: TemporaryFolder) {
        self.program = program
        self.arguments = arguments
        self.port = port
        self.folder = folder
    }

    deinit {
        // Still up: closing the pipe to it ends it and removes the folder.
        if self.process.withLock({ $0 }) == nil { self.folder.remove() }
    }

    /// Starts a program whose configuration depends on its port; `arguments` come before the name of that file.
    static func start(
        _ program: String,
        _ arguments: (TemporaryFolder) -> [String],
        configuration: (_ port: Int) -> [String]
    ) async throws -> LoopbackServer {
        var last: (any Error)?
        // Between finding a port free and the program's taking it, somebody else may have it.
        for _ in 0..<5 {
            let folder = try TemporaryFolder()
            do {
                let port = try await FreePort.find()
                try folder.write(configuration(port).joined(separator: "\n") + "\n", to: "server.conf")
                let all = arguments(folder) + [folder.file("server.conf")]
                let server = LoopbackServer(program, all, port: port, folder: folder)
                try await server.start()
                return server
            } catch let error as Ended {
                last = error
            } catch {
                folder.remove()
                throw error
            }
        }
        throw last ?? FixtureError("\(program) does not start")
    }

    private struct Ended: Error, CustomStringConvertible {
        let description: String
    }

    func start() async throws {
        guard self.process.withLock({ $0 == nil }) else { return }
        let process = try BrokerProcess(self.program, self.arguments, folder: self.folder, log: LoopbackServer.logFile)
        self.process.withLock { $0 = process }
        do {
            try await self.ready(process)
        } catch {
            self.process.withLock { $0 = nil }
            process.terminate()
            throw error
        }
    }

    /// Ends the program, with every connection it has, and returns when it has ended.
    ///
    /// Asked to end, a child of Dante that serves somebody would go on until that one has left.
    func stop() async throws {
        let running = self.process.withLock { process in
            defer { process = nil }
            return process
        }
        try await running?.kill()
    }

    private func ready(_ process: BrokerProcess) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            if process.hasEnded { throw Ended(description: "\(self.program) ended at once, saying:\n\(self.log)") }
            let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            if let channel = try? await bootstrap.connect(host: "127.0.0.1", port: self.port).get() {
                try? await channel.close().get()
                return
            }
            guard ContinuousClock.now < deadline else {
                throw FixtureError("\(self.program) is not up within a minute, saying:\n\(self.log)")
            }
            try await ChildProcess.tick()
        }
    }

    /// Runs `body`, then ends the program; when `body` throws, the end of the log goes to standard error.
    func running<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            let result = try await body()
            try await self.stop()
            return result
        } catch {
            let end = self.log.split(separator: "\n").suffix(30).joined(separator: "\n")
            FileHandle.standardError.write(Data("\(error)\n\(self.program)'s log ends with:\n\(end)\n".utf8))
            try? await self.stop()
            throw error
        }
    }
}
