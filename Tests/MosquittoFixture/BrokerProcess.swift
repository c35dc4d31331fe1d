// This source file is part of swift-mqtt.
// SPDX-License-Identifier: Apache-2.0

import Foundation

/// One run of mosquitto or of another server, which ends with this process however this process ends.
final class BrokerProcess: Sendable {
    /// Stands between us and the broker, and reads a pipe of ours without ever getting a byte.
    ///
    /// When we die the pipe closes; the shell then ends the broker and removes its folder, since we no longer can.
    private static let guardian = """
        folder=$1; shift
        exec 3<&0
        "$@" 3<&- </dev/null & broker=$!
        (
            read -r nothing <&3
            trap '' TERM
            kill -TERM "$broker"
            while kill -0 "$broker"; do sleep 0.05; done
            rm -rf "$folder"
        ) >/dev/null 2>&1 & watch=$!
        trap 'kill -TERM "$broker" 2>/dev/null' TERM
        wait "$broker"; status=$?
        while kill -0 "$broker" 2>/dev/null; do wait "$broker"; status=$?; done
        kill "$watch" 2>/dev/null
        exit "$status"
        """

    private let program: String
    private let shell: ChildProcess
    private let pipe: Int32

    convenience init(configuration: String, folder: TemporaryFolder, log: String) throws {
        try self.init("mosquitto", ["-c", folder.file(configuration)], folder: folder, log: log)
    }

    init(_ program: String, _ arguments: [String], folder: TemporaryFolder, log: String) throws {
        let file = try ChildProcess.find(program)
        self.program = program
        var ends: [Int32] = [-1, -1]
        guard Foundation.pipe(&ends) == 0 else { throw FixtureError("no pipe: errno \(errno)") }
        // Our own children get no copy anyway; this is for children that somebody else starts.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        do {
            self.shell = try ChildProcess(
                "/bin/sh",
                ["-c", BrokerProcess.guardian, "sh", folder.path, file] + arguments,
                input: ends[0],
                output: folder.file(log)
            )
        } catch {
            close(ends[1])
            throw error
        }
        self.pipe = ends[1]
    }

    deinit {
        close(self.pipe)
        // Whoever waits for any child of ours, as exit tests do, must not meet this one for ever.
        Task { [shell] in _ = try? await shell.end(within: .seconds(60)) }
    }

    var hasEnded: Bool {
        self.shell.ended != nil
    }

    /// Asks the broker to end, without waiting.
    func terminate() {
        self.shell.terminate()
    }

    /// Ends the broker the way it likes (SIGTERM), so that it writes down what it has acknowledged.
    func stop() async throws {
        self.shell.terminate()
        guard try await self.shell.end(within: .seconds(60)) != nil else {
            throw FixtureError("\(self.program) does not end within a minute of SIGTERM")
        }
    }

    /// Ends the server and all its children at once, without asking.
    func kill() async throws {
        self.shell.killGroup()
        guard try await self.shell.end(within: .seconds(60)) != nil else {
            throw FixtureError("\(self.program) does not end within a minute of SIGKILL")
        }
    }
}
